"""The verbs as functions: whatever the command line does, Python can do."""

from pyramidion.workflows._acquire import Started, acquire, look
from pyramidion.workflows._acquire_config import AcquireConfig, read_config
from pyramidion.workflows._acquire_options import AcquireOptions
from pyramidion.workflows._acquire_plan import plan_acquisition
from pyramidion.workflows._acquire_report import AcquireReport
from pyramidion.workflows._acquire_room import check_out
from pyramidion.workflows._acquire_status import Status
from pyramidion.workflows._bucket.addresses import parse_origin, web_addresses
from pyramidion.workflows._bucket.report import BucketReport, Condition
from pyramidion.workflows._bucket.rules import CORS_HEADERS, bucket_commands, bucket_document
from pyramidion.workflows._check_bucket import check_bucket
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
from pyramidion.workflows._import import ImportedFile, ImportReport, run_import
from pyramidion.workflows._import_plan import ImportJob, default_bucket, plan_import
from pyramidion.workflows._options import ConvertOptions, ConvertReport, n_workers
from pyramidion.workflows._publish import (
    PublishReport,
    check_viewable,
    publish_viewer,
    viewer_links,
)
from pyramidion.workflows._repair import RepairReport, repair
from pyramidion.workflows._repair_recording import RecordingRepairReport
from pyramidion.workflows._run_tasks import parse_tasks
from pyramidion.workflows._selection import LAST_LEVEL
from pyramidion.workflows._stream import Progress, StreamReport, stream
from pyramidion.workflows._upload import check_free, check_writable, upload
from pyramidion.workflows._upload_keys import upload_keys
from pyramidion.workflows._upload_options import SendOptions, UploadResult
from pyramidion.workflows._upload_source import UploadSource, destination_of, upload_source
from pyramidion.workflows._verify import verify
from pyramidion.workflows._verify_report import SHOWN_FAULTS, VerifyReport

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
