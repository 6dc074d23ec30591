"""Judging: status rules, statistics, schedule, forecast, provider state. Pure."""
