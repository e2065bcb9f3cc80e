"""`litteragpt doctor`: examines the installation and reports each problem with a remedy.

Each module examines one subject and returns findings. None changes anything or takes updates from a
running bot."""

from bot.ops.doctor.examination import examine
from bot.ops.doctor.findings import Finding, Grade

__all__ = ["Finding", "Grade", "examine"]
