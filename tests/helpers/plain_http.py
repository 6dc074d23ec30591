"""Clients of servers on loopback: ``verify=PLAIN`` spares each the authorities of the machine."""

from tracker.core.trust import trust_for

PLAIN = trust_for("http://")
