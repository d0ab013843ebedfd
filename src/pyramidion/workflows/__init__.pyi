"""The verbs as functions: whatever the command line does, Python can do."""

from ._acquire import Started, acquire, look
from ._acquire_config import AcquireConfig, read_config
from ._acquire_options import AcquireOptions
from ._acquire_plan import plan_acquisition
from ._acquire_report import AcquireReport
from ._acquire_room import check_out
from ._acquire_status import Status
from ._bucket.addresses import parse_origin, web_addresses
from ._bucket.report import BucketReport, Condition
from ._bucket.rules import CORS_HEADERS, bucket_commands, bucket_document
from ._check_bucket import check_bucket
from ._compress import CompressOptions, CompressReport, compress
from ._convert import (
    convert,
    describe_plan,
    plan_conversion,
    write_waveform,
)
from ._describe import describe
from ._destination import check_destination
from ._files import size_of
from ._generate import generate
from ._host_clock import CLOCK_VARIABLE, HostClock
from ._import import ImportedFile, ImportReport, run_import
from ._import_plan import ImportJob, default_bucket, plan_import
from ._options import ConvertOptions, ConvertReport, n_workers
from ._publish import (
    PublishReport,
    check_viewable,
    publish_viewer,
    viewer_links,
)
from ._repair import RepairReport, repair
from ._repair_recording import RecordingRepairReport
from ._run_tasks import parse_tasks
from ._selection import LAST_LEVEL
from ._stream import Progress, StreamReport, stream
from ._upload import check_free, check_writable, upload
from ._upload_keys import upload_keys
from ._upload_options import SendOptions, UploadResult
from ._upload_source import UploadSource, destination_of, upload_source
from ._verify import verify
from ._verify_report import SHOWN_FAULTS, VerifyReport

__all__ = [
    "CLOCK_VARIABLE",
    "CORS_HEADERS",
    "LAST_LEVEL",
    "SHOWN_FAULTS",
    "AcquireConfig",
    "AcquireOptions",
    "AcquireReport",
    "BucketReport",
    "CompressOptions",
    "CompressReport",
    "Condition",
    "ConvertOptions",
    "ConvertReport",
    "HostClock",
    "ImportJob",
    "ImportReport",
    "ImportedFile",
    "Progress",
    "PublishReport",
    "RecordingRepairReport",
    "RepairReport",
    "SendOptions",
    "Started",
    "Status",
    "StreamReport",
    "UploadResult",
    "UploadSource",
    "VerifyReport",
    "acquire",
    "bucket_commands",
    "bucket_document",
    "check_bucket",
    "check_destination",
    "check_free",
    "check_out",
    "check_viewable",
    "check_writable",
    "compress",
    "convert",
    "default_bucket",
    "describe",
    "describe_plan",
    "destination_of",
    "generate",
    "look",
    "n_workers",
    "parse_origin",
    "parse_tasks",
    "plan_acquisition",
    "plan_conversion",
    "plan_import",
    "publish_viewer",
    "read_config",
    "repair",
    "run_import",
    "size_of",
    "stream",
    "upload",
    "upload_keys",
    "upload_source",
    "verify",
    "viewer_links",
    "web_addresses",
    "write_waveform",
]
