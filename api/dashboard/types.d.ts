// Shapes that several modules share; for the type checker alone, no page loads it.

export type Status = "healthy" | "degraded" | "down" | "unknown";

/** A row of the stream: see api/overview/rows.py. Times are seconds since 1970. */
export interface Provider {
  name: string;
  status: Status;
  since: number | null;
  usable: boolean;
  stale: boolean;
  enabled: boolean;
  response: number | null;
  p95: number | null;
  hour: number | null;
  day: number | null;
  week: number | null;
  checked_since: number | null;
  limit: number | null;
  limit_estimated: boolean;
  resets: number | null;
  exhausts: number | null;
  last: number | null;
  next: number | null;
  interval: number;
  outcome: string | null;
  failures: number;
  error: string;
  reason: string;
  cost: number | null;
  traffic: [number, number, number, number | null] | null;
  vantages: [name: string, status: Status, suspect: boolean][];
  cluster: string;
}

export interface Line {
  provider_name: string;
  latency_ms: number | null;
  uptime_1h: number | null;
  samples: number;
}

export interface Best {
  best_provider: string | null;
  reason: string;
  usable: number;
  order: string[];
  lines: Line[];
  soonest: { provider_name: string; until: string } | null;
  last_resort: string[];
  valid_until: string | null;
  swept: boolean;
  policy: string;
}

export interface Incident {
  id: string;
  subject: string;
  cause: string;
  provider_name: string | null;
  summary: string;
  opened_at: string;
  closed_at: string | null;
  duration_seconds: number | null;
  flapping: boolean;
  acknowledged_by: string | null;
  muted_until: string | null;
  notified: { target: string; what: string; at: string; error: string }[];
}

export interface Incidents {
  open: Incident[];
  open_count: number;
  over: Incident[];
  over_count: number;
  mutes: Record<string, string>;
}

export interface Health {
  status: "ok" | "degraded" | "failing";
  problems: string[];
  ready: boolean;
  started_at: string;
  watched: number;
  database: string;
  buffered: number;
  dropped: number;
  policy: string;
}

export interface Overview {
  page: string;
  timestamp: string;
  swept: boolean;
  fields: (keyof Provider)[];
  providers: unknown[][];
  best: Best;
  incidents: Incidents;
  health: Health;
  hub: boolean;
}

/** What the feed hands on. */
export interface Take {
  snapshot(overview: Overview): void;
  rows(rows: unknown[][]): void;
  best(best: Best): void;
  incidents(incidents: Incidents): void;
  health(health: Health): void;
}

export type FeedState = "starting" | "live" | "polling" | "waiting" | "lost";

/** Counts of one stretch of time; p95 is null once live checks were added. */
export interface Counts {
  checks: number;
  up: number;
  failures: number;
  sum: number;
  p95: number | null;
}

export type CellKind = "up" | "slow" | "failing" | "limited" | "none";

export interface Cell {
  number: number;
  kind: CellKind;
  share: number;
  held: boolean;
  counts: Counts;
}

export interface Filter {
  text: string;
  statuses: Set<Status>;
}

export interface Offer {
  model: string;
  variant: string | null;
  status: Status;
  usable: boolean;
  reason: string;
  evidence: "offer" | "provider";
  outcome: string | null;
  last_check: string | null;
  ttft_ms: number | null;
  tokens_per_second: number | null;
  response_time_ms: number | null;
  status_since: string | null;
  retires_on: string | null;
}

export interface Traffic {
  calls: number;
  counted: number;
  failures: number;
  last: string | null;
  window_seconds: number;
  latency_ms: number | null;
  ttft_ms: number | null;
  tokens_per_second: number | null;
}

/** The API's whole document of a provider, as far as its page reads it. */
export interface Whole {
  provider_name: string;
  status: Status;
  enabled: boolean;
  stale: boolean;
  reason: string;
  response_time_ms: number | null;
  ttft_ms: number | null;
  uptime: Record<"1h" | "24h" | "7d", number | null>;
  latency_ms: { min: number | null; p50: number | null; p95: number | null; samples: number };
  rate_limit_percent: number;
  rate_limit: {
    source: "headers" | "body" | "estimate" | "none";
    exhausts_at: string | null;
    limits: {
      name: string;
      window_seconds: number | null;
      limit: number | null;
      remaining: number | null;
      reset_at: string | null;
    }[];
  };
  last_check: string | null;
  next_check: string | null;
  interval_seconds: number;
  timeout_seconds: number;
  interval_overridden: boolean;
  checks_24h: number;
  completions_24h: number;
  outcome: string | null;
  error_message: string;
  consecutive_failures: number;
  reachable: boolean | null;
  authenticated: boolean | null;
  quota_available: boolean | null;
  inference: boolean | null;
  keys: { number: number; state: string }[];
  adaptations: string[];
  offers: Offer[];
  waits_for_budget: boolean;
  evidence: { traffic: Traffic };
  checks_saved_24h: number;
  completions_saved_24h: number;
  vantages?: {
    name: string;
    status: Status;
    reason: string;
    age_seconds: number | null;
    suspect: boolean;
  }[];
}

export interface About {
  kind: string;
  base_url: string;
  check: string;
  model: string | null;
  status_page: string | null;
}

export interface Detailed {
  provider: Whole;
  place: number | null;
  usable: number;
  may_answer: boolean;
  checked_since: string | null;
  about: About;
  incidents: Incident[];
}

export interface Point {
  timestamp: string;
  checks: number;
  failures: number;
  uptime_percent: number | null;
  latency_ms: Record<"min" | "avg" | "p50" | "p95" | "max", number | null>;
}

export interface TrafficPoint {
  timestamp: string;
  calls: number;
  counted: number;
  failures: number;
  latency_p50_ms: number | null;
}

export interface Latency {
  name: string;
  hours: number;
  size: number;
  points: Point[];
  calls: TrafficPoint[];
  away: string; // why the cluster's hub is not in it
}

export interface Change {
  timestamp: string;
  kind: "status" | "best" | "offer" | "incident" | "model";
  provider_name: string | null;
  before: string | null;
  after: string | null;
  reason: string;
}
