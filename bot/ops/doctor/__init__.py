"""`litteragpt doctor`: looks at everything a bot needs, and says of each trouble how to remedy it.

Each module looks at one side of it and returns findings; none changes anything, and none takes a
message away from a bot that runs.
"""

from bot.ops.doctor.examination import examine
from bot.ops.doctor.findings import Finding, Grade

__all__ = ["Finding", "Grade", "examine"]
