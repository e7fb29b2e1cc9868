#include "audit_noise.h"

#include <string.h>
#include <unistd.h>

/* Global names of importlib._bootstrap and _bootstrap_external, as they were before the package ran. */
static PyObject* importer_globals[2];

enum noise { NONE, ATTRIBUTE, GETFRAME, ID, DUMPS, LOADS, OPEN, LISTDIR, IMPORT, COMPILE, EXEC, KINDS };
static const char* const noise_name[KINDS] = {
    "",     "object.__getattr__", "sys._getframe", "builtins.id", "marshal.dumps", "marshal.loads",
    "open", "os.listdir",         "import",        "compile",     "exec"};
static unsigned long long noise_count[KINDS];
static pid_t counted_by;

int lazaret_starts_with(PyObject* text, const char* prefix) {
  if (text == NULL || !PyUnicode_Check(text) || !PyUnicode_IS_READY(text) || !PyUnicode_IS_ASCII(text)) return 0;
  return strncmp((const char*)PyUnicode_1BYTE_DATA(text), prefix, strlen(prefix)) == 0;
}

/* Mounted read-only from the host's Debian packages and Lazaret's own site: the same for every package, no secret. */
static int is_system_file(PyObject* path) {
  return lazaret_starts_with(path, "/usr/lib/python3.11/") || lazaret_starts_with(path, "/usr/lib/python3/");
}

static PyObject* argument(PyObject* args, Py_ssize_t index) {
  return args != NULL && PyTuple_Check(args) && PyTuple_GET_SIZE(args) > index ? PyTuple_GET_ITEM(args, index) : NULL;
}

/* Whether the import system itself raised it, not a function that only claims a name of importlib's. */
static int by_importer(PyFrameObject* frame) {
  if (frame == NULL) return 0;
  PyObject* globals = PyFrame_GetGlobals(frame);
  Py_DECREF(globals);
  return globals == importer_globals[0] || globals == importer_globals[1];
}

static int by_system_code(PyFrameObject* frame) {
  if (frame == NULL) return 0;
  PyCodeObject* code = PyFrame_GetCode(frame);
  int system = is_system_file(code->co_filename);
  Py_DECREF(code);
  return system;
}

/* Mind the disguises: code can claim any file name, so that `exec` of a system file is noise only when the import
 * system does it, and a `compile` or `marshal.loads` by anybody else is told whatever name it claims. */
static enum noise classify(const char* event, PyObject* args, PyFrameObject* frame) {
  if (strncmp(event, "object.__", 9) == 0) return ATTRIBUTE;
  if (strcmp(event, "sys._getframe") == 0) return GETFRAME;
  if (strcmp(event, "builtins.id") == 0) return ID;
  if (strcmp(event, "marshal.dumps") == 0) return DUMPS;
  if (strcmp(event, "marshal.loads") == 0) return by_importer(frame) ? LOADS : NONE;
  if (strcmp(event, "compile") == 0) return by_importer(frame) ? COMPILE : NONE;
  if (strcmp(event, "import") == 0) return by_system_code(frame) ? IMPORT : NONE;
  if (strcmp(event, "os.listdir") == 0) return is_system_file(argument(args, 0)) ? LISTDIR : NONE;
  if (strcmp(event, "open") == 0) {
    return is_system_file(argument(args, 0)) && lazaret_starts_with(argument(args, 1), "r") ? OPEN : NONE;
  }
  if (strcmp(event, "exec") == 0) {
    PyObject* code = argument(args, 0);
    return code != NULL && PyCode_Check(code) && is_system_file(((PyCodeObject*)code)->co_filename) &&
                   by_importer(frame)
               ? EXEC
               : NONE;
  }
  return NONE;
}

static PyObject* globals_of(const char* name) {
  PyObject* modules = PySys_GetObject("modules"); /* borrowed, as what follows */
  PyObject* module = modules == NULL ? NULL : PyDict_GetItemString(modules, name);
  return module != NULL && PyModule_Check(module) ? Py_NewRef(PyModule_GetDict(module)) : NULL;
}

void lazaret_noise_begin(void) {
  importer_globals[0] = globals_of("_frozen_importlib");
  importer_globals[1] = globals_of("_frozen_importlib_external");
}

int lazaret_is_noise(const char* event, PyObject* args, PyFrameObject* frame) {
  enum noise kind = classify(event, args, frame);
  if (kind == NONE) return 0;
  if (counted_by != getpid()) { /* a forked child counts its own */
    memset(noise_count, 0, sizeof noise_count);
    counted_by = getpid();
  }
  ++noise_count[kind];
  return 1;
}

void lazaret_put_noise_counts(struct text* out) {
  const char* separator = "{'";
  for (int kind = NONE + 1; kind < KINDS; ++kind) {
    if (noise_count[kind] == 0) continue;
    put_raw(out, separator);
    put_raw(out, noise_name[kind]);
    put_raw(out, "': ");
    put_unsigned(out, noise_count[kind]);
    separator = ", '";
  }
  put_raw(out, separator[0] == '{' ? "{}" : "}");
}
