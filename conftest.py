"""The three rooms in the order in which facts flow: gather, then tell; the judging is in checks/."""

pytest_plugins = [
    "fixtures.collector",
    "fixtures.options",
    "fixtures.selection",
    "fixtures.plugin",
    "fixtures.handing",
    "reports.plugin",
    "reports.catalogue",
]
