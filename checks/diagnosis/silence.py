"""When a log that tells of nothing wrong proves that nothing is."""

from __future__ import annotations

import datetime as dt

from fixtures.errors import NotApplicable, Unavailable
from fixtures.model.logs import ServiceLogs


def must_prove(logs: ServiceLogs, since: dt.datetime) -> None:
    """Return only if a service's logs were read whole, so that their silence since an instant means something.

    Raises:
        NotApplicable: what an essential container writes cannot be read here.
        Unavailable: there was more than is read.
    """
    if logs.unread:
        raise NotApplicable(f"what {', '.join(logs.unread)} writes cannot be read here; nothing else complains")
    if logs.is_cut_after(since):
        detail = (
            f"it complains so much that only what it wrote since {logs.read_since:%m-%d %H:%M} UTC was read, and that "
            "is nothing this check knows; a smaller window_min in the target file would see all of it"
        )
        raise Unavailable("logs:FilterLogEvents", "incomplete", detail)
