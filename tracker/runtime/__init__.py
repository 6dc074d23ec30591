"""The running tracker: trio tasks that check, supervise, aggregate and publish."""
