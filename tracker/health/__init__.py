"""Deciding a provider's status: rules, statistics, schedule, forecast, state. Pure."""
