"""The three rooms in the order in which facts flow: gather, then tell; the judging is in checks/."""

pytest_plugins = ["fixtures.plugin", "reports.plugin"]
