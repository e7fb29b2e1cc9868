/* Writes a value the way repr() would, as the inside of a JSON string, into a bounded buffer, without running a line
 * of Python: only types whose memory can be read directly are rendered, every other is `<TYPE object>`. */
#ifndef LAZARET_AUDIT_RENDER_H
#define LAZARET_AUDIT_RENDER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

enum {
  STRING_LIMIT = 500,     /* characters or bytes of one string (compat/triage.md) */
  COLLECTION_LIMIT = 20,  /* items of one collection (compat/triage.md) */
  DEPTH_LIMIT = 4,
};

/* `end` leaves room behind it for what closes the JSON object; writing past it only sets `full`. */
struct text {
  char *at, *end;
  int full;
};

void put_raw(struct text *out, const char *literal);                /* as it is */
void put_unsigned(struct text *out, unsigned long long number);
void put_escaped(struct text *out, const char *utf8);               /* JSON escapes; bytes >= 0x80 as U+FFFD */
void put_string(struct text *out, PyObject *text, Py_ssize_t cap);  /* a str's characters, JSON-escaped, no quotes */
void put_repr(struct text *out, PyObject *value, int depth);

#endif
