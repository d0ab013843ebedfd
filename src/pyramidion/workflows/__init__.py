"""The verbs as functions: whatever the command line does, Python can do."""

from pyramidion.workflows._acquire import Started, acquire, look
from pyramidion.workflows._acquire_config import AcquireConfig, read_config
from pyramidion.workflows._acquire_options import AcquireOptions
from pyramidion.workflows._acquire_plan import plan_acquisition
from pyramidion.workflows._acquire_report import AcquireReport
from pyramidion.workflows._acquire_room import check_out
from pyramidion.workflows._acquire_status import Status
from pyramidion.workflows._compress import CompressOptions, CompressReport, compress
from pyramidion.workflows._convert import (
    convert,
    describe_plan,
    plan_conversion,
    write_waveform,
)
from pyramidion.workflows._describe import describe
from pyramidion.workflows._destination import check_destination
from pyramidion.workflows._files import size_of
from pyramidion.workflows._generate import generate
from pyramidion.workflows._host_clock import CLOCK_VARIABLE, HostClock
from pyramidion.workflows._import import ImportJob, ImportReport, plan_import, run_import
from pyramidion.workflows._options import ConvertOptions, ConvertReport, n_workers
from pyramidion.workflows._repair import RepairReport, repair
from pyramidion.workflows._repair_recording import RecordingRepairReport
from pyramidion.workflows._selection import LAST_LEVEL
from pyramidion.workflows._stream import Progress, StreamReport, stream
from pyramidion.workflows._verify import verify
from pyramidion.workflows._verify_report import SHOWN_FAULTS, VerifyReport

__all__ = [
    "CLOCK_VARIABLE",
    "LAST_LEVEL",
    "SHOWN_FAULTS",
    "AcquireConfig",
    "AcquireOptions",
    "AcquireReport",
    "CompressOptions",
    "CompressReport",
    "ConvertOptions",
    "ConvertReport",
    "HostClock",
    "ImportJob",
    "ImportReport",
    "Progress",
    "RecordingRepairReport",
    "RepairReport",
    "Started",
    "Status",
    "StreamReport",
    "VerifyReport",
    "acquire",
    "check_destination",
    "check_out",
    "compress",
    "convert",
    "describe",
    "describe_plan",
    "generate",
    "look",
    "n_workers",
    "plan_acquisition",
    "plan_conversion",
    "plan_import",
    "read_config",
    "repair",
    "run_import",
    "size_of",
    "stream",
    "verify",
    "write_waveform",
]
