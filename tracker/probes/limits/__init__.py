"""Rate limits as providers state them: headers, bodies, durations."""
