/* CPython's audit events (PEP 578), each as one JSON line over the channel that leaves the jail.
 *
 * Importing this module adds the hook, once per process; it outlives fork, and no Python code can remove it or get in
 * front of it. It is loaded by the jail's own site set-up (see site/), so that build backends and child interpreters
 * have it too. What it says is a hint: a program that writes to its own memory can silence or forge it. */
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit_channel.h"
#include "audit_noise.h"
#include "audit_render.h"

enum { LINE_LIMIT = 8000, CLOSING_ROOM = 1400, CALLER_DEPTH = 24 };

static void put_timestamp(struct text* out) {
  static time_t second = -1;
  static char date[32];
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec != second) {
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    second = now.tv_sec;
  }
  char text[64];
  snprintf(text, sizeof text, "%s.%06ldZ", date, now.tv_nsec / 1000);
  put_raw(out, text);
}

/* The standard library's own functions stand between an event and the code that caused it. */
static int is_library(PyCodeObject* code) {
  return lazaret_starts_with(code->co_filename, "/usr/lib/python3.11/") ||
         lazaret_starts_with(code->co_filename, "<frozen ");
}

/* What the standard library executes for itself (namedtuple, dataclasses) must not look like the package's doing. */
static int wants_nearest(const char* event) {
  return strcmp(event, "import") == 0 || strcmp(event, "exec") == 0 || strcmp(event, "compile") == 0;
}

/* The nearest frame outside the standard library, else the nearest of all. Returns a new reference or NULL. */
static PyFrameObject* find_caller(const char* event, PyFrameObject* nearest) {
  PyFrameObject* frame = (PyFrameObject*)Py_XNewRef((PyObject*)nearest);
  if (wants_nearest(event)) return frame;
  for (int depth = 0; frame != NULL && depth < CALLER_DEPTH; ++depth) {
    PyCodeObject* code = PyFrame_GetCode(frame);
    int library = is_library(code);
    Py_DECREF(code);
    if (!library) return frame;
    PyFrameObject* outer = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = outer;
  }
  Py_XDECREF(frame);
  return (PyFrameObject*)Py_XNewRef((PyObject*)nearest);
}

static void put_caller(struct text* out, const char* event, PyFrameObject* nearest) {
  PyFrameObject* frame = find_caller(event, nearest);
  if (frame == NULL) {
    put_raw(out, "null");
    return;
  }
  PyCodeObject* code = PyFrame_GetCode(frame);
  int line = PyFrame_GetLineNumber(frame);
  put_raw(out, "{\"function\":\"");
  put_string(out, code->co_qualname, 100);
  put_raw(out, "\",\"file\":\"");
  put_string(out, code->co_filename, 300);
  put_raw(out, "\",\"line\":");
  put_unsigned(out, (unsigned long long)(line < 0 ? 0 : line));
  put_raw(out, "}");
  Py_DECREF(code);
  Py_DECREF(frame);
}

static void put_args(struct text* out, const char* event, PyObject* args) {
  if (strcmp(event, "lazaret.skipped") == 0) {
    lazaret_put_noise_counts(out);
  } else if (args == NULL) {
    put_raw(out, "()");
  } else if (strcmp(event, "import") == 0 && PyTuple_Check(args) && PyTuple_GET_SIZE(args) > 2) {
    put_raw(out, "("); /* module and file; sys.path, meta_path and path_hooks behind them are the same each time */
    put_repr(out, PyTuple_GET_ITEM(args, 0), 1);
    put_raw(out, ", ");
    put_repr(out, PyTuple_GET_ITEM(args, 1), 1);
    put_raw(out, ")");
  } else {
    put_repr(out, args, 0);
  }
}

/* `args` may be NULL. The buffer is static: the GIL is held from the first byte to the send. */
static void tell(const char* event, PyObject* args, PyFrameObject* frame) {
  static char line[LINE_LIMIT];
  struct text out = {line, line + LINE_LIMIT - CLOSING_ROOM, 0};
  put_raw(&out, "{\"timestamp\":\"");
  put_timestamp(&out);
  put_raw(&out, "\",\"pid\":");
  put_unsigned(&out, (unsigned long long)getpid());
  put_raw(&out, ",\"event\":\"");
  for (int i = 0; event[i] != '\0' && i < 100; ++i) {
    const char one[2] = {event[i], '\0'};
    put_escaped(&out, one);
  }
  put_raw(&out, "\",\"args\":\"");
  put_args(&out, event, args);
  out.end = line + LINE_LIMIT;
  if (out.full) {
    out.full = 0;
    put_raw(&out, "...");
  }
  put_raw(&out, "\",\"caller\":");
  const struct text before = out;
  out.end -= 1;
  put_caller(&out, event, frame);
  if (out.full) { /* a name of hundreds of characters that each take 12 bytes when escaped */
    out = before;
    put_raw(&out, "null");
  }
  out.end = line + LINE_LIMIT;
  put_raw(&out, "}");
  lazaret_channel_send(line, (size_t)(out.at - line));
}

static int on_event(const char* event, PyObject* args, void* unused) {
  (void)unused;
  static _Thread_local int inside;
  if (inside) return 0;
  inside = 1;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyFrameObject* frame = PyThreadState_GetFrame(PyThreadState_Get());
  if (strcmp(event, "cpython._PySys_ClearAuditHooks") == 0) {
    tell("lazaret.skipped", NULL, NULL);
  } else if (!lazaret_is_noise(event, args, frame)) {
    tell(event, args, frame);
  }
  Py_XDECREF(frame);
  PyErr_Clear();
  PyErr_Restore(type, value, traceback);
  inside = 0;
  return 0;
}

static void tell_start(void) {
  PyObject* argv = PySys_GetObject("orig_argv"); /* borrowed */
  tell("lazaret.start", argv, NULL);
}

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_lazaret_audit", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__lazaret_audit(void) {
  static int armed;
  PyObject* module = PyModule_Create(&definition);
  if (module == NULL || armed) return module;
  armed = 1;
  lazaret_noise_begin();
  tell_start();
  if (PySys_AddAuditHook(on_event, NULL) != 0) PyErr_Clear();
  return module;
}
