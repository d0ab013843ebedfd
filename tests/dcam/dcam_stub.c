/* A stand-in for the camera library of DCAM-API, for tests: the same functions, structures and errors.
 *
 * Cameras run by the clock. Buffers are a ring that is overwritten without a question: the rows of the
 * next frame are written as soon as the one before it is there, so whoever copies too late copies a
 * torn frame. The first 8 bytes of every row of every frame hold the camera's number of the frame
 * (little-endian; in narrower rows every pixel is the number mod 256), counted from 0 at the start,
 * frames that the camera loses included.
 *
 * Every structure's size is checked (INVALIDPARAM). Read at dcamapi_init, from the environment:
 *
 * DCAM_STUB_CAMERAS       how many there are (1); 0: dcamapi_init says NOCAMERA
 * DCAM_STUB_MODEL         (C15550-20UP)
 * DCAM_STUB_WIDTH, _HEIGHT  of the sensor (512, 512)
 * DCAM_STUB_FPS           frames a second (100)
 * DCAM_STUB_PIXELTYPE     at first: 1 MONO8, 2 MONO16 (2), 3 MONO12
 * DCAM_STUB_PADDING       bytes behind every row in the ring (0)
 * DCAM_STUB_CAPABILITY    sum of framestamp 1, timestamp 2, camerastamp 4 (7)
 * DCAM_STUB_STAMP_FROM    framestamp of the first frame (0); any 64-bit number, its low half is used
 * DCAM_STUB_STAMP_UNKNOWN every so many frames the framestamp is 0xFFFFFFFF (0: never)
 * DCAM_STUB_STAMP_HIDES   1: the framestamp counts transferred frames, so it does not show losses
 * DCAM_STUB_SKIP          AT:N,AT:N...  the camera loses N frames from number AT on
 * DCAM_STUB_SKIP_EVERY    every so many numbers one is lost (0: never)
 * DCAM_STUB_LOSTFRAME     a wait says LOSTFRAME once, after so many transferred frames
 * DCAM_STUB_MISSINGFRAME  likewise MISSINGFRAME_TROUBLE
 * DCAM_STUB_BURST         frames become visible so many at a time (1)
 * DCAM_STUB_UNPLUG        gone after so many frames: waits say NOCONNECTION
 * DCAM_STUB_UNPLUG_HARD   1: so does every other function then
 * DCAM_STUB_HANG          after so many frames waits never come back
 * DCAM_STUB_STALL         after so many frames there are no more
 * DCAM_STUB_EXTERNAL_FPS  frames a second with trigger EXTERNAL (0: none)
 * DCAM_STUB_EVENT         level (a frame that came between two waits ends the second at once) or edge
 * DCAM_STUB_NEWEST        ring (nNewestFrameIndex is a place in the ring) or count (it never wraps)
 * DCAM_STUB_MEMORY        most bytes for buffers (4294967296); more: NOMEMORY
 * DCAM_STUB_REFUSE_WIDTH  a sub-array of this width is INVALIDSUBARRAY, though its limits allow it
 * DCAM_STUB_STRINGS       0: dcamdev_getstring needs an open camera (1)
 * DCAM_STUB_LOCK          path; an open camera locks path.INDEX: another process gets EXCLUDED
 * DCAM_STUB_FAIL          NAME:CODE or NAME@K:CODE,...  a function (in its K-th call) returns an error
 *                         (hexadecimal)
 * DCAM_STUB_LOG           path; the name of every function that opens, starts or undoes is appended
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum {
    SUCCESS = 1, BUSY = 0x80000101, ABORT = 0x80000102, NOTREADY = 0x80000103,
    TIMEOUT = 0x80000106, NOTBUSY = 0x80000107, EXCLUDED = 0x80000110, NOMEMORY = 0x80000203,
    NOCAMERA = 0x80000206, LOSTFRAME = 0x80000301, INVALIDCAMERA = 0x80000806,
    INVALIDHANDLE = 0x80000807, INVALIDPARAM = 0x80000808, INVALIDVALUE = 0x80000821,
    OUTOFRANGE = 0x80000822, NOTWRITABLE = 0x80000823, INVALIDPROPERTYID = 0x80000825,
    NOPROPERTY = 0x80000828, INVALIDSUBARRAY = 0x8000082b, NOVALUETEXT = 0x8000082d,
    INVALIDFRAMEINDEX = 0x80000833, NOTSUPPORT = 0x80000f03, MISSINGFRAME = 0x80000f06,
    NOCONNECTION = 0x80000f07, INVALIDWAITHANDLE = 0x84002001
};
enum { MODE = 1, LONG = 2, REAL = 3, R = 0x10000, W = 0x20000, LIVE = 0x1000, VOLATILE = 0x80000,
       ROUNDS = 0x800000, TEXT = 0x10000000, STEP = 0x40000000, RANGE = 0x80000000 };
enum { EVENT_FRAMEREADY = 2, MOST_CAMERAS = 8, MOST_TEXTS = 5 };

typedef struct { int32_t size, count, reserved, optionbytes; const int32_t *option; const void *guid; } api_init;
typedef struct { int32_t size, index; void *hdcam; } dev_open;
typedef struct { int32_t size, what; char *text; int32_t textbytes; } dev_string;
typedef struct { int32_t size, domain, flags, kind; } dev_capability;
typedef struct {
    int32_t size, prop, option, reserved1; uint32_t attribute; int32_t group, unit, attribute2;
    double min, max, step, normal;
    int32_t channels, reserved3, views, elements, array, element_step;
} prop_attr;
typedef struct { int32_t size, prop; double value; char *text; int32_t textbytes; } value_text;
typedef struct {
    int32_t size, kind, option, frame; void *buf; int32_t rowbytes, type, width, height, left, top;
    uint32_t sec; int32_t microsec, framestamp, camerastamp;
} buf_frame;
typedef struct { int32_t size, kind, newest, count; } transfer_info;
typedef struct { int32_t size, events; void *wait, *hdcam; } wait_open;
typedef struct { int32_t size, happened, mask, timeout; } wait_start;
_Static_assert(sizeof(api_init) == 32 && sizeof(dev_open) == 16 && sizeof(dev_string) == 24, "size");
_Static_assert(sizeof(dev_capability) == 16 && sizeof(prop_attr) == 88, "size");
_Static_assert(sizeof(value_text) == 32 && sizeof(buf_frame) == 64, "size");
_Static_assert(sizeof(transfer_info) == 16 && sizeof(wait_open) == 24, "size");
_Static_assert(sizeof(wait_start) == 16 && offsetof(buf_frame, sec) == 48, "size");

enum { EXPOSURE = 0x001F0110, TRIGGER = 0x00100110, BINNING = 0x00401110, HPOS = 0x00402110,
       HSIZE = 0x00402120, VPOS = 0x00402130, VSIZE = 0x00402140, SUBARRAY = 0x00402150,
       RATE = 0x00403810, INTERVAL = 0x00403820, WIDTH = 0x00420210, HEIGHT = 0x00420220,
       ROWBYTES = 0x00420230, FRAMEBYTES = 0x00420240, PIXELTYPE = 0x00420270 };

typedef struct { double value; const char *text; } word;
typedef struct {
    int32_t id; const char *name; uint32_t attribute; int32_t unit;
    double min, max, step, value; word words[MOST_TEXTS];
} property;

#define ONOFF {{1, "OFF"}, {2, "ON"}}
#define LIMITS (RANGE | STEP)
static const property PROPERTIES[] = {
    {TRIGGER, "TRIGGER SOURCE", MODE | R | W | TEXT | LIMITS, 0, 1, 4, 1, 1,
     {{1, "INTERNAL"}, {2, "EXTERNAL"}, {3, "SOFTWARE"}, {4, "MASTER PULSE"}}},
    {0x00100120, "TRIGGER ACTIVE", MODE | R | W | TEXT | LIMITS, 0, 1, 3, 1, 1,
     {{1, "EDGE"}, {2, "LEVEL"}, {3, "SYNCREADOUT"}}},
    {0x00100220, "TRIGGER POLARITY", MODE | R | W | TEXT | LIMITS, 0, 1, 2, 1, 1,
     {{1, "NEGATIVE"}, {2, "POSITIVE"}}},
    {0x00100240, "TRIGGER TIMES", LONG | R | W | LIMITS, 0, 1, 10000, 1, 1, {{0, NULL}}},
    {0x00100260, "TRIGGER DELAY", REAL | R | W | LIMITS, 1, 0, 10, 0.001, 0, {{0, NULL}}},
    {0x00200310, "SENSOR TEMPERATURE", REAL | R | VOLATILE, 2, 0, 0, 0, -19.5, {{0, NULL}}},
    {0x00200320, "SENSOR COOLER", MODE | R | W | TEXT | LIMITS, 0, 1, 4, 1, 2,
     {{1, "OFF"}, {2, "ON"}, {4, "MAX"}}},
    {0x00200340, "SENSOR COOLER STATUS", MODE | R | TEXT, 0, 1, 3, 1, 2,
     {{1, "OFF"}, {2, "READY"}, {3, "BUSY"}}},
    {0x00300FF0, "PATTERN (STAND-IN)", LONG | R | W | LIMITS, 0, 2, 254, 4, 2, {{0, NULL}}},
    {0x00400110, "READOUT SPEED", MODE | R | W | TEXT | LIMITS, 0, 1, 2, 1, 2,
     {{1, "SLOWEST"}, {2, "FASTEST"}}},
    {BINNING, "BINNING", MODE | R | W | TEXT | LIMITS, 0, 1, 4, 1, 1,
     {{1, "1X1"}, {2, "2X2"}, {4, "4X4"}}},
    {HPOS, "SUBARRAY HPOS", LONG | R | W | LIMITS, 0, 0, 0, 4, 0, {{0, NULL}}},
    {HSIZE, "SUBARRAY HSIZE", LONG | R | W | LIMITS, 0, 4, 0, 4, 0, {{0, NULL}}},
    {VPOS, "SUBARRAY VPOS", LONG | R | W | LIMITS, 0, 0, 0, 4, 0, {{0, NULL}}},
    {VSIZE, "SUBARRAY VSIZE", LONG | R | W | LIMITS, 0, 4, 0, 4, 0, {{0, NULL}}},
    {SUBARRAY, "SUBARRAY MODE", MODE | R | W | TEXT | LIMITS, 0, 1, 2, 1, 1, ONOFF},
    {RATE, "INTERNAL FRAME RATE", REAL | R | W | LIVE | RANGE, 5, 0.01, 20000, 0, 100, {{0, NULL}}},
    {INTERVAL, "INTERNAL FRAME INTERVAL", REAL | R, 1, 0, 0, 0, 0, {{0, NULL}}},
    {0x00410A10, "TIME STAMP PRODUCER", MODE | R | TEXT, 0, 1, 5, 1, 5,
     {{1, "NONE"}, {5, "IMAGING DEVICE"}}},
    {0x00410A20, "FRAME STAMP PRODUCER", MODE | R | TEXT, 0, 1, 5, 1, 5,
     {{1, "NONE"}, {5, "IMAGING DEVICE"}}},
    {WIDTH, "IMAGE WIDTH", LONG | R, 0, 0, 0, 0, 0, {{0, NULL}}},
    {HEIGHT, "IMAGE HEIGHT", LONG | R, 0, 0, 0, 0, 0, {{0, NULL}}},
    {ROWBYTES, "IMAGE ROWBYTES", LONG | R, 0, 0, 0, 0, 0, {{0, NULL}}},
    {FRAMEBYTES, "IMAGE FRAMEBYTES", LONG | R, 0, 0, 0, 0, 0, {{0, NULL}}},
    {PIXELTYPE, "IMAGE PIXEL TYPE", MODE | R | W | TEXT | LIMITS, 0, 1, 3, 1, 2,
     {{1, "MONO8"}, {2, "MONO16"}, {3, "MONO12"}}},
    {0x00420810, "IMAGE DETECTOR PIXEL WIDTH", REAL | R, 7, 0, 0, 0, 4.6, {{0, NULL}}},
    {0x00420820, "IMAGE DETECTOR PIXEL HEIGHT", REAL | R, 7, 0, 0, 0, 4.6, {{0, NULL}}},
    {0x00421010, "FRAME BUNDLE MODE", MODE | R | W | TEXT | LIMITS, 0, 1, 2, 1, 1, ONOFF},
    {EXPOSURE, "EXPOSURE TIME", REAL | R | W | LIVE | LIMITS | ROUNDS, 1, 0.001, 10, 1e-6, 0.01, {{0, NULL}}},
    {0x00FF0010, "SYSTEM ALIVE", MODE | R | TEXT, 0, 1, 2, 1, 2, {{1, "OFFLINE"}, {2, "ONLINE"}}},
};
enum { N_PROPERTIES = sizeof PROPERTIES / sizeof PROPERTIES[0] };

typedef struct { int64_t number, transfer; double time; } slot;
typedef struct {
    int index, is_open, lock_file, waits, waiting, aborted, running, told_lost, told_missing;
    property properties[N_PROPERTIES];
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed, ready;
    int n_buffers, width, height, itemsize;
    size_t rowbytes, framebytes;
    uint8_t *ring;
    slot *slots;
    int64_t n_frames, announced, fired;
} camera;

static struct {
    int n_cameras, capability, strings, edge, newest_counts, hides, padding, unplug_hard;
    int64_t width, height, stamp_from, unknown, skip_every, lost, missing, burst, unplug, hang, stall;
    int64_t memory, refuse_width;
    double fps, external_fps;
} set;
static camera cameras[MOST_CAMERAS];
static int initialised;

/* --- environment, log, injected errors */

static const char *text_of(const char *name, const char *normal) {
    const char *text = getenv(name);
    return text && *text ? text : normal;
}

static int64_t whole_of(const char *name, int64_t normal) {
    const char *text = text_of(name, NULL);
    return text ? (int64_t)strtoull(text, NULL, 10) : normal;
}

static double real_of(const char *name, double normal) {
    const char *text = text_of(name, NULL);
    return text ? atof(text) : normal;
}

static void note(const char *function) {
    const char *path = getenv("DCAM_STUB_LOG");
    if (!path) return;
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    dprintf(file, "%s\n", function);
    close(file);
}

static struct { char name[32]; int calls; } counted[64]; /* calls since dcamapi_init */

/* The error that DCAM_STUB_FAIL has for a function, or 0. */
static int32_t injected(const char *function) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    const char *text = getenv("DCAM_STUB_FAIL");
    size_t length = strlen(function);
    for (; text && *text; text += *text == ',') {
        const char *end = strchrnul(text, ','), *after = text + length;
        if (!strncmp(text, function, length) && (*after == ':' || *after == '@')) {
            int k = 0, which = *after == '@' ? atoi(after + 1) : 0;
            pthread_mutex_lock(&mutex);
            while (counted[k].name[0] && strcmp(counted[k].name, function)) k++;
            strcpy(counted[k].name, function);
            int calls = ++counted[k].calls;
            pthread_mutex_unlock(&mutex);
            if (!which || which == calls) return (int32_t)strtoul(strchr(after, ':') + 1, NULL, 16);
        }
        text = end;
    }
    return 0;
}

#define BEGIN do { int32_t error = injected(__func__); if (error) return error; } while (0)
#define NOTED note(__func__); BEGIN
#define NEED(condition, error) do { if (!(condition)) return (int32_t)(error); } while (0)
#define CAMERA_OF(h) camera *c = camera_of(h); NEED(c, INVALIDHANDLE); NEED(!gone(c), NOCONNECTION)

static camera *camera_of(void *handle) {
    for (int k = 0; k < set.n_cameras; k++)
        if (handle == &cameras[k] && cameras[k].is_open) return &cameras[k];
    return NULL;
}

static int unplugged(const camera *c) { return set.unplug >= 0 && c->n_frames >= set.unplug; }
static int gone(const camera *c) { return set.unplug_hard && c->running && unplugged(c); }

/* --- properties */

static property *find(camera *c, int32_t id) {
    for (int k = 0; k < N_PROPERTIES; k++)
        if (c->properties[k].id == id) return &c->properties[k];
    return NULL;
}

static double get(camera *c, int32_t id) { return find(c, id)->value; }

static double interval_s(camera *c) { return fmax(1 / get(c, RATE), get(c, EXPOSURE)); }

static int32_t side(camera *c, int32_t size) {
    double n = get(c, SUBARRAY) == 2 ? get(c, size) : find(c, size)->max;
    return (int32_t)(n / get(c, BINNING));
}

/* Give read-only values what follows from the others. */
static double value_of(camera *c, property *p) {
    int itemsize = get(c, PIXELTYPE) == 1 ? 1 : 2;
    switch (p->id) {
    case WIDTH: return side(c, HSIZE);
    case HEIGHT: return side(c, VSIZE);
    case ROWBYTES: return side(c, HSIZE) * itemsize + set.padding;
    case FRAMEBYTES: return (double)(side(c, HSIZE) * itemsize + set.padding) * side(c, VSIZE);
    case RATE: return 1 / interval_s(c);
    case INTERVAL: return interval_s(c);
    default: return p->value;
    }
}

static int fits(camera *c) {
    return get(c, HPOS) + get(c, HSIZE) <= find(c, HSIZE)->max &&
           get(c, VPOS) + get(c, VSIZE) <= find(c, VSIZE)->max && get(c, HSIZE) != set.refuse_width;
}

static int32_t checked(property *p, double *value) {
    NEED(p->attribute & W, NOTWRITABLE);
    NEED(*value >= p->min && *value <= p->max, OUTOFRANGE);
    if ((p->attribute & 0xF) == MODE) {
        int k = 0;
        while (k < MOST_TEXTS && p->words[k].value != *value) k++;
        NEED(k < MOST_TEXTS, INVALIDVALUE);
    } else if (p->attribute & STEP) {
        double steps = (*value - p->min) / p->step, whole = round(steps);
        NEED(p->attribute & ROUNDS || fabs(steps - whole) < 1e-6, INVALIDVALUE);
        if (p->attribute & ROUNDS) *value = p->min + whole * p->step;
    }
    return SUCCESS;
}

static int32_t set_property(camera *c, int32_t id, double *value) {
    property *p = find(c, id);
    NEED(p, INVALIDPROPERTYID);
    NEED(!c->running || p->attribute & LIVE, BUSY);
    int32_t result = checked(p, value);
    if (result < 0) return result;
    double before = p->value;
    p->value = *value;
    if (id >= HPOS && id <= SUBARRAY && get(c, SUBARRAY) == 2 && !fits(c)) {
        p->value = before;
        return (int32_t)INVALIDSUBARRAY;
    }
    *value = value_of(c, p);
    return SUCCESS;
}

int32_t dcamprop_getattr(void *h, prop_attr *a) {
    BEGIN;
    CAMERA_OF(h);
    NEED(a && a->size == sizeof *a, INVALIDPARAM);
    property *p = find(c, a->prop);
    NEED(p, INVALIDPROPERTYID);
    a->attribute = p->attribute, a->unit = p->unit, a->normal = p->value;
    a->min = p->min, a->max = p->max, a->step = p->step;
    return SUCCESS;
}

int32_t dcamprop_getvalue(void *h, int32_t id, double *value) {
    BEGIN;
    CAMERA_OF(h);
    property *p = find(c, id);
    NEED(p, INVALIDPROPERTYID);
    *value = value_of(c, p);
    return SUCCESS;
}

int32_t dcamprop_setvalue(void *h, int32_t id, double value) {
    BEGIN;
    CAMERA_OF(h);
    return set_property(c, id, &value);
}

int32_t dcamprop_setgetvalue(void *h, int32_t id, double *value, int32_t option) {
    BEGIN;
    CAMERA_OF(h);
    NEED(option == 0, INVALIDPARAM);
    return set_property(c, id, value);
}

int32_t dcamprop_queryvalue(void *h, int32_t id, double *value, int32_t option) {
    BEGIN;
    CAMERA_OF(h);
    property *p = find(c, id);
    NEED(p, INVALIDPROPERTYID);
    NEED(option == 0x01000000, NOTSUPPORT);
    if ((p->attribute & 0xF) == MODE) {
        for (int k = 0; k < MOST_TEXTS; k++)
            if (p->words[k].text && p->words[k].value > *value) {
                *value = p->words[k].value;
                return SUCCESS;
            }
    } else if (*value + p->step <= p->max) {
        *value += p->step;
        return SUCCESS;
    }
    return (int32_t)OUTOFRANGE;
}

int32_t dcamprop_getnextid(void *h, int32_t *id, int32_t option) {
    BEGIN;
    CAMERA_OF(h);
    NEED(option == 0, NOTSUPPORT);
    property *p = *id ? find(c, *id) : NULL;
    NEED(p || !*id, INVALIDPROPERTYID);
    ptrdiff_t next = p ? p - c->properties + 1 : 0;
    NEED(next < N_PROPERTIES, NOPROPERTY);
    *id = c->properties[next].id;
    return SUCCESS;
}

int32_t dcamprop_getname(void *h, int32_t id, char *text, int32_t bytes) {
    BEGIN;
    CAMERA_OF(h);
    property *p = find(c, id);
    NEED(p, INVALIDPROPERTYID);
    snprintf(text, bytes, "%s", p->name);
    return SUCCESS;
}

int32_t dcamprop_getvaluetext(void *h, value_text *v) {
    BEGIN;
    CAMERA_OF(h);
    NEED(v && v->size == sizeof *v, INVALIDPARAM);
    property *p = find(c, v->prop);
    NEED(p, INVALIDPROPERTYID);
    for (int k = 0; k < MOST_TEXTS; k++)
        if (p->words[k].text && p->words[k].value == v->value) {
            snprintf(v->text, v->textbytes, "%s", p->words[k].text);
            return SUCCESS;
        }
    return (int32_t)NOVALUETEXT;
}

/* --- library and device */

static void make_camera(camera *c, int index) {
    memset(c, 0, sizeof *c);
    c->index = index;
    memcpy(c->properties, PROPERTIES, sizeof PROPERTIES);
    double sides[2] = {(double)set.width, (double)set.height};
    for (int k = 0; k < 2; k++) {
        property *pos = find(c, k ? VPOS : HPOS), *size = find(c, k ? VSIZE : HSIZE);
        size->value = size->max = sides[k];
        pos->max = sides[k] - 4;
    }
    find(c, RATE)->value = set.fps;
    find(c, PIXELTYPE)->value = (double)whole_of("DCAM_STUB_PIXELTYPE", 2);
    property *exposure = find(c, EXPOSURE);
    exposure->min = set.fps > 1000 ? 0.1 / set.fps : 0.001;
    exposure->value = fmax(exposure->min, fmin(0.01, 0.5 / set.fps));
    pthread_mutex_init(&c->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &monotonic);
    pthread_cond_init(&c->ready, &monotonic);
}

int32_t dcamapi_init(api_init *init) {
    memset(counted, 0, sizeof counted);
    NOTED;
    NEED(init && init->size == sizeof *init, INVALIDPARAM);
    NEED(!initialised, INVALIDPARAM); /* once per process */
    initialised = 1;
    set.n_cameras = (int)whole_of("DCAM_STUB_CAMERAS", 1);
    set.width = whole_of("DCAM_STUB_WIDTH", 512);
    set.height = whole_of("DCAM_STUB_HEIGHT", 512);
    set.fps = real_of("DCAM_STUB_FPS", 100);
    set.external_fps = real_of("DCAM_STUB_EXTERNAL_FPS", 0);
    set.padding = (int)whole_of("DCAM_STUB_PADDING", 0);
    set.capability = (int)whole_of("DCAM_STUB_CAPABILITY", 7);
    set.stamp_from = whole_of("DCAM_STUB_STAMP_FROM", 0);
    set.unknown = whole_of("DCAM_STUB_STAMP_UNKNOWN", 0);
    set.hides = (int)whole_of("DCAM_STUB_STAMP_HIDES", 0);
    set.skip_every = whole_of("DCAM_STUB_SKIP_EVERY", 0);
    set.lost = whole_of("DCAM_STUB_LOSTFRAME", -1);
    set.missing = whole_of("DCAM_STUB_MISSINGFRAME", -1);
    set.burst = whole_of("DCAM_STUB_BURST", 1);
    set.unplug = whole_of("DCAM_STUB_UNPLUG", -1);
    set.unplug_hard = (int)whole_of("DCAM_STUB_UNPLUG_HARD", 0);
    set.hang = whole_of("DCAM_STUB_HANG", -1);
    set.stall = whole_of("DCAM_STUB_STALL", -1);
    set.edge = !strcmp(text_of("DCAM_STUB_EVENT", "level"), "edge");
    set.newest_counts = !strcmp(text_of("DCAM_STUB_NEWEST", "ring"), "count");
    set.memory = whole_of("DCAM_STUB_MEMORY", 1LL << 32);
    set.refuse_width = whole_of("DCAM_STUB_REFUSE_WIDTH", -1);
    set.strings = (int)whole_of("DCAM_STUB_STRINGS", 1);
    NEED(set.n_cameras, NOCAMERA);
    NEED(set.n_cameras <= MOST_CAMERAS, INVALIDPARAM);
    for (int k = 0; k < set.n_cameras; k++) make_camera(&cameras[k], k);
    init->count = set.n_cameras;
    return SUCCESS;
}

int32_t dcamapi_uninit(void) {
    initialised = 0;
    NOTED;
    return SUCCESS;
}

int32_t dcamdev_open(dev_open *o) {
    NOTED;
    NEED(initialised, NOTREADY);
    NEED(o && o->size == sizeof *o, INVALIDPARAM);
    NEED(o->index >= 0 && o->index < set.n_cameras, INVALIDCAMERA);
    camera *c = &cameras[o->index];
    NEED(!c->is_open, EXCLUDED);
    c->lock_file = -1;
    const char *path = getenv("DCAM_STUB_LOCK");
    if (path) {
        char name[4096];
        snprintf(name, sizeof name, "%s.%d", path, o->index);
        c->lock_file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (flock(c->lock_file, LOCK_EX | LOCK_NB)) {
            close(c->lock_file);
            return (int32_t)EXCLUDED;
        }
    }
    c->is_open = 1;
    o->hdcam = c;
    return SUCCESS;
}

int32_t dcamdev_close(void *h) {
    note(__func__);
    camera *c = camera_of(h);
    NEED(c, INVALIDHANDLE);
    c->is_open = 0;
    if (c->lock_file >= 0) close(c->lock_file);
    BEGIN;
    return SUCCESS;
}

static const word ERRORS[] = {
    {BUSY, "The camera is busy"}, {NOTREADY, "No buffers"}, {INVALIDVALUE, "Invalid value"},
    {INVALIDSUBARRAY, "The sub-array is not possible"}, {INVALIDPARAM, "Invalid parameter"},
    {0x83001002, "Reading from the camera failed"},
};

int32_t dcamdev_getstring(void *h, dev_string *s) {
    BEGIN;
    NEED(s && s->size == sizeof *s && s->text && s->textbytes > 0, INVALIDPARAM);
    for (size_t k = 0; k < sizeof ERRORS / sizeof ERRORS[0]; k++)
        if (s->what == (int32_t)(int64_t)ERRORS[k].value) {
            snprintf(s->text, s->textbytes, "%s", ERRORS[k].text);
            return SUCCESS;
        }
    camera *c = camera_of(h);
    if (!c && set.strings && (intptr_t)h >= 0 && (intptr_t)h < set.n_cameras) c = &cameras[(intptr_t)h];
    NEED(c, INVALIDHANDLE);
    switch (s->what) {
    case 0x04000102: snprintf(s->text, s->textbytes, "S/N: %d", 500123 + c->index); break;
    case 0x04000103: snprintf(s->text, s->textbytes, "Stand-in"); break;
    case 0x04000104: snprintf(s->text, s->textbytes, "%s", text_of("DCAM_STUB_MODEL", "C15550-20UP")); break;
    case 0x04000108: snprintf(s->text, s->textbytes, "4.00"); break;
    default: return (int32_t)INVALIDPARAM;
    }
    return SUCCESS;
}

int32_t dcamdev_getcapability(void *h, dev_capability *q) {
    BEGIN;
    CAMERA_OF(h);
    NEED(q && q->size == sizeof *q && q->domain == 0, INVALIDPARAM);
    q->flags = set.capability;
    return SUCCESS;
}

/* --- frames */

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct timespec moment(double seconds) {
    return (struct timespec){(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
}

/* How many frames the camera loses from this number on. */
static int64_t skipped(int64_t number) {
    for (const char *text = getenv("DCAM_STUB_SKIP"); text && *text;) {
        char *end;
        int64_t at = strtoll(text, &end, 10), n = strtoll(end + 1, &end, 10);
        if (at == number) return n;
        text = *end ? end + 1 : end;
    }
    return set.skip_every && number && number % set.skip_every == 0;
}

static void write_rows(camera *c, int place, int64_t number) {
    uint8_t *row = c->ring + (size_t)place * c->framebytes;
    int narrow = c->width * c->itemsize < 8;
    for (int y = 0; y < c->height; y++, row += c->rowbytes) {
        if (!narrow) {
            memcpy(row, &number, 8);
            continue;
        }
        uint16_t pixel = (uint16_t)(number % 256);
        for (int x = 0; x < c->width; x++) memcpy(row + x * c->itemsize, &pixel, c->itemsize);
    }
}

static int ended(camera *c) {
    return unplugged(c) || (set.hang >= 0 && c->n_frames >= set.hang) ||
           (set.stall >= 0 && c->n_frames >= set.stall);
}

/* Wait until a moment, or until the capture is stopped; the mutex is held. */
static void sleep_until(camera *c, double until) {
    struct timespec t = moment(until);
    while (c->running && now_s() < until) pthread_cond_timedwait(&c->changed, &c->mutex, &t);
}

/* Wait for the trigger of a frame; return the moment when it is there. */
static double next_frame(camera *c, double start, int64_t number) {
    double trigger = get(c, TRIGGER);
    if (trigger == 3) {
        while (c->running && c->fired == 0) pthread_cond_wait(&c->changed, &c->mutex);
        c->fired--;
        return now_s() + get(c, EXPOSURE);
    }
    if (trigger == 2) {
        while (c->running && set.external_fps <= 0) pthread_cond_wait(&c->changed, &c->mutex);
        return start + (double)(number + 1) / set.external_fps;
    }
    int64_t shown = (number / set.burst + 1) * set.burst;
    return start + (double)shown * interval_s(c);
}

static void *run(void *argument) {
    camera *c = argument;
    double start = now_s();
    int64_t number = 0;
    pthread_mutex_lock(&c->mutex);
    while (c->running) {
        if (ended(c)) {
            pthread_cond_broadcast(&c->ready);
            pthread_cond_wait(&c->changed, &c->mutex);
            continue;
        }
        number += skipped(number);
        int place = (int)(c->n_frames % c->n_buffers);
        pthread_mutex_unlock(&c->mutex);
        write_rows(c, place, number);
        pthread_mutex_lock(&c->mutex);
        double due = next_frame(c, start, number);
        sleep_until(c, due);
        if (!c->running) break;
        c->slots[place] = (slot){number, c->n_frames, due - start};
        c->n_frames++, number++;
        pthread_cond_broadcast(&c->ready);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

/* Fill the ring with what looks like a camera: offset 100, a gradient, noise. */
static void fill(camera *c) {
    uint64_t random = 88172645463325252u;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            uint16_t pixel = (uint16_t)(100 + (x + y) / 8 % 64 + (random & 15) + (random >> 8 & 15));
            memcpy(c->ring + y * c->rowbytes + (size_t)x * c->itemsize, &pixel, c->itemsize);
        }
    for (int k = 1; k < c->n_buffers; k++)
        memcpy(c->ring + k * c->framebytes, c->ring, c->framebytes);
}

int32_t dcambuf_alloc(void *h, int32_t n) {
    NOTED;
    CAMERA_OF(h);
    NEED(!c->ring, BUSY);
    NEED(n > 0, INVALIDPARAM);
    c->width = side(c, HSIZE), c->height = side(c, VSIZE);
    c->itemsize = get(c, PIXELTYPE) == 1 ? 1 : 2;
    c->rowbytes = (size_t)c->width * c->itemsize + set.padding;
    c->framebytes = c->rowbytes * c->height;
    NEED((double)c->framebytes * n <= (double)set.memory, NOMEMORY);
    c->n_buffers = n;
    c->ring = calloc(n, c->framebytes);
    c->slots = calloc(n, sizeof *c->slots);
    NEED(c->ring && c->slots, NOMEMORY);
    fill(c);
    return SUCCESS;
}

int32_t dcambuf_attach(void *h, const void *attach) {
    (void)h, (void)attach;
    return (int32_t)NOTSUPPORT;
}

int32_t dcambuf_copymetadata(void *h, void *header) {
    (void)h, (void)header;
    return (int32_t)NOTSUPPORT;
}

int32_t dcambuf_release(void *h, int32_t kind) {
    note(__func__);
    camera *c = camera_of(h);
    NEED(c, INVALIDHANDLE);
    NEED(kind == 0, INVALIDPARAM);
    NEED(!c->running, BUSY);
    free(c->ring), free(c->slots);
    c->ring = NULL, c->slots = NULL;
    BEGIN;
    return SUCCESS;
}

int32_t dcamcap_start(void *h, int32_t mode) {
    NOTED;
    CAMERA_OF(h);
    NEED(c->ring, NOTREADY);
    NEED(!c->running, BUSY);
    NEED(mode == -1, INVALIDPARAM);
    c->n_frames = c->announced = c->fired = c->told_lost = c->told_missing = 0;
    c->running = 1;
    pthread_create(&c->thread, NULL, run, c);
    return SUCCESS;
}

int32_t dcamcap_stop(void *h) {
    note(__func__);
    camera *c = camera_of(h);
    NEED(c, INVALIDHANDLE);
    int32_t result = gone(c) ? (int32_t)NOCONNECTION : SUCCESS;
    if (c->running) {
        pthread_mutex_lock(&c->mutex);
        c->running = 0;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->mutex);
        pthread_join(c->thread, NULL);
    }
    BEGIN;
    return result;
}

int32_t dcamcap_status(void *h, int32_t *status) {
    BEGIN;
    CAMERA_OF(h);
    *status = c->running ? 1 : c->ring ? 2 : 3;
    return SUCCESS;
}

int32_t dcamcap_transferinfo(void *h, transfer_info *t) {
    BEGIN;
    CAMERA_OF(h);
    NEED(t && t->size == sizeof *t && t->kind == 0, INVALIDPARAM);
    NEED(c->ring, NOTREADY);
    pthread_mutex_lock(&c->mutex);
    int64_t n = c->n_frames;
    pthread_mutex_unlock(&c->mutex);
    t->count = (int32_t)n;
    t->newest = n == 0 ? -1 : (int32_t)(set.newest_counts ? n - 1 : (n - 1) % c->n_buffers);
    return SUCCESS;
}

int32_t dcamcap_firetrigger(void *h, int32_t kind) {
    BEGIN;
    CAMERA_OF(h);
    NEED(kind == 0, INVALIDPARAM);
    NEED(c->running, NOTBUSY);
    NEED(get(c, TRIGGER) == 3, NOTSUPPORT);
    pthread_mutex_lock(&c->mutex);
    c->fired++;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->mutex);
    return SUCCESS;
}

/* Find a buffer and fill in its stamps. */
static int32_t stamped(camera *c, buf_frame *f, int *place) {
    NEED(f && f->size == sizeof *f && f->kind == 0 && f->option == 0, INVALIDPARAM);
    NEED(c->ring, NOTREADY);
    pthread_mutex_lock(&c->mutex);
    int64_t n = c->n_frames, k = f->frame == -1 ? (n - 1) % c->n_buffers : f->frame;
    slot s = k >= 0 && k < c->n_buffers ? c->slots[k] : (slot){0};
    pthread_mutex_unlock(&c->mutex);
    NEED(n > 0 && k >= 0 && k < c->n_buffers && k < n, INVALIDFRAMEINDEX);
    int64_t counted = set.hides ? s.transfer : s.number;
    int unknown = set.unknown && s.transfer % set.unknown == set.unknown - 1;
    double time = 1000 + s.time;
    int64_t microseconds = llround(time * 1e6);
    f->sec = (uint32_t)(microseconds / 1000000);
    f->microsec = (int32_t)(microseconds % 1000000);
    f->framestamp = unknown ? -1 : (int32_t)(uint32_t)(uint64_t)(counted + set.stamp_from);
    f->camerastamp = (int32_t)s.number;
    *place = (int)k;
    return SUCCESS;
}

int32_t dcambuf_copyframe(void *h, buf_frame *f) {
    BEGIN;
    CAMERA_OF(h);
    int place;
    int32_t result = stamped(c, f, &place);
    if (result < 0) return result;
    size_t bytes = (size_t)f->width * c->itemsize;
    NEED(f->buf && f->type == 0 && (size_t)f->rowbytes >= bytes, INVALIDPARAM);
    NEED(f->left >= 0 && f->top >= 0 && f->width > 0 && f->height > 0, INVALIDPARAM);
    NEED(f->left + f->width <= c->width && f->top + f->height <= c->height, INVALIDPARAM);
    const uint8_t *from = c->ring + place * c->framebytes + f->top * c->rowbytes + (size_t)f->left * c->itemsize;
    if (bytes == c->rowbytes && bytes == (size_t)f->rowbytes) {
        memcpy(f->buf, from, bytes * f->height);
        return SUCCESS;
    }
    for (int y = 0; y < f->height; y++)
        memcpy((uint8_t *)f->buf + (size_t)y * f->rowbytes, from + y * c->rowbytes, bytes);
    return SUCCESS;
}

int32_t dcambuf_lockframe(void *h, buf_frame *f) {
    BEGIN;
    CAMERA_OF(h);
    int place;
    int32_t result = stamped(c, f, &place);
    if (result < 0) return result;
    f->buf = c->ring + place * c->framebytes;
    f->rowbytes = (int32_t)c->rowbytes, f->width = c->width, f->height = c->height;
    f->left = f->top = 0;
    f->type = (int32_t)get(c, PIXELTYPE);
    return SUCCESS;
}

/* --- waiting */

static camera *waiting_for(void *wait) {
    for (int k = 0; k < set.n_cameras; k++)
        if (wait == &cameras[k].waits && cameras[k].waits) return &cameras[k];
    return NULL;
}

int32_t dcamwait_open(wait_open *w) {
    NOTED;
    NEED(w && w->size == sizeof *w, INVALIDPARAM);
    CAMERA_OF(w->hdcam);
    c->waits = 1;
    w->events = 0x1f;
    w->wait = &c->waits;
    return SUCCESS;
}

/* What a wait has to say now; 0: nothing yet. */
static int32_t news(camera *c, wait_start *w) {
    if (c->aborted) return c->aborted = 0, (int32_t)ABORT;
    if (set.lost >= 0 && c->n_frames >= set.lost && !c->told_lost) return c->told_lost = 1, (int32_t)LOSTFRAME;
    if (set.missing >= 0 && c->n_frames >= set.missing && !c->told_missing)
        return c->told_missing = 1, (int32_t)MISSINGFRAME;
    if (c->n_frames > c->announced) {
        c->announced = c->n_frames;
        w->happened = EVENT_FRAMEREADY;
        return SUCCESS;
    }
    if (unplugged(c)) return (int32_t)NOCONNECTION;
    while (set.hang >= 0 && c->n_frames >= set.hang) pause();
    return 0;
}

int32_t dcamwait_start(void *h, wait_start *w) {
    BEGIN;
    camera *c = waiting_for(h);
    NEED(c, INVALIDWAITHANDLE);
    NEED(w && w->size == sizeof *w && w->mask & EVENT_FRAMEREADY && w->timeout > 0, INVALIDPARAM);
    NEED(!gone(c), NOCONNECTION);
    struct timespec until = moment(now_s() + w->timeout * 1e-3);
    pthread_mutex_lock(&c->mutex);
    if (set.edge) c->announced = c->n_frames;
    c->waiting++;
    int32_t result;
    int late = 0;
    while (!(result = news(c, w)) && !late)
        late = pthread_cond_timedwait(&c->ready, &c->mutex, &until) == ETIMEDOUT;
    c->waiting--;
    pthread_mutex_unlock(&c->mutex);
    return result ? result : (int32_t)TIMEOUT;
}

int32_t dcamwait_abort(void *h) {
    BEGIN;
    camera *c = waiting_for(h);
    NEED(c, INVALIDWAITHANDLE);
    pthread_mutex_lock(&c->mutex);
    c->aborted = c->waiting > 0;
    pthread_cond_broadcast(&c->ready);
    pthread_mutex_unlock(&c->mutex);
    return SUCCESS;
}

int32_t dcamwait_close(void *h) {
    note(__func__);
    camera *c = waiting_for(h);
    NEED(c, INVALIDWAITHANDLE);
    c->waits = 0;
    BEGIN;
    return SUCCESS;
}
