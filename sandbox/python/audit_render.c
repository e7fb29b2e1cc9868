#include "audit_render.h"

#include <stddef.h>
#include <string.h>

static int room(struct text* out, ptrdiff_t bytes) {
  if (out->end - out->at < bytes) out->full = 1;
  return !out->full;
}

void put_raw(struct text* out, const char* literal) {
  size_t length = strlen(literal);
  if (!room(out, (ptrdiff_t)length)) return;
  memcpy(out->at, literal, length);
  out->at += length;
}

void put_unsigned(struct text* out, unsigned long long number) {
  char digits[24];
  snprintf(digits, sizeof digits, "%llu", number);
  put_raw(out, digits);
}

/* One character, JSON-escaped (RFC 8259 section 7). ASCII only: what lies beyond is \uXXXX, lone surrogates become
 * U+FFFD, so that every reader takes the line. */
static void put_character(struct text* out, Py_UCS4 c) {
  char escaped[16];
  if (c == '"' || c == '\\') {
    snprintf(escaped, sizeof escaped, "\\%c", (char)c);
  } else if (c >= 0x20 && c < 0x7f) {
    if (room(out, 1)) *out->at++ = (char)c;
    return;
  } else if (c < 0x10000) {
    if (c >= 0xd800 && c <= 0xdfff) c = 0xfffd;
    snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)c);
  } else {
    c -= 0x10000;
    snprintf(escaped, sizeof escaped, "\\u%04x\\u%04x", 0xd800 + (unsigned)(c >> 10), 0xdc00 + (unsigned)(c & 0x3ff));
  }
  put_raw(out, escaped);
}

void put_escaped(struct text* out, const char* utf8) {
  for (; *utf8 != '\0'; ++utf8) put_character(out, (signed char)*utf8 < 0 ? 0xfffd : (Py_UCS4)*utf8);
}

void put_string(struct text* out, PyObject* text, Py_ssize_t cap) {
  if (text == NULL || !PyUnicode_Check(text) || !PyUnicode_IS_READY(text)) {
    put_raw(out, "?");
    return;
  }
  Py_ssize_t length = PyUnicode_GET_LENGTH(text);
  for (Py_ssize_t i = 0; i < length && i < cap && !out->full; ++i) put_character(out, PyUnicode_READ_CHAR(text, i));
  if (length > cap) put_raw(out, "...");
}

/* A character inside quotes as repr() writes it, then JSON-escaped. */
static void put_quoted(struct text* out, Py_UCS4 c, int is_byte) {
  char escaped[16];
  const char* plain = c == '\n'   ? "\\n"
                      : c == '\r' ? "\\r"
                      : c == '\t' ? "\\t"
                      : c == '\\' ? "\\\\"
                      : c == '\'' ? "\\'"
                                  : NULL;
  if (plain != NULL) {
    put_escaped(out, plain);
  } else if (c < 0x20 || c == 0x7f || (is_byte && c > 0x7f)) {
    snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned)c);
    put_escaped(out, escaped);
  } else if (c >= 0xd800 && c <= 0xdfff) { /* surrogateescape: a file name that is not UTF-8 */
    snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)c);
    put_escaped(out, escaped);
  } else {
    put_character(out, c);
  }
}

static void put_str(struct text* out, PyObject* text) {
  if (!PyUnicode_IS_READY(text)) {
    put_raw(out, "<str object>");
    return;
  }
  Py_ssize_t length = PyUnicode_GET_LENGTH(text);
  put_raw(out, "'");
  for (Py_ssize_t i = 0; i < length && i < STRING_LIMIT && !out->full; ++i)
    put_quoted(out, PyUnicode_READ_CHAR(text, i), 0);
  put_raw(out, length > STRING_LIMIT ? "...'" : "'");
}

static void put_bytes(struct text* out, const char* data, Py_ssize_t length) {
  put_raw(out, "b'");
  for (Py_ssize_t i = 0; i < length && i < STRING_LIMIT && !out->full; ++i) put_quoted(out, (unsigned char)data[i], 1);
  put_raw(out, length > STRING_LIMIT ? "...'" : "'");
}

static void put_integer(struct text* out, PyObject* value) {
  int overflow = 0;
  long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
  char digits[32];
  if (overflow != 0) {
    put_raw(out, "<int object>");
    return;
  }
  snprintf(digits, sizeof digits, "%lld", number);
  put_raw(out, digits);
}

static void put_type(struct text* out, PyObject* value) {
  const char* name = Py_TYPE(value)->tp_name;
  put_raw(out, "<");
  for (int i = 0; name[i] != '\0' && i < 80; ++i)
    put_character(out, (signed char)name[i] < 0 ? 0xfffd : (Py_UCS4)name[i]);
  put_raw(out, " object>");
}

static void put_code(struct text* out, PyCodeObject* code) {
  put_raw(out, "<code object ");
  put_string(out, code->co_name, 100);
  put_raw(out, " at ");
  put_string(out, code->co_filename, STRING_LIMIT);
  put_raw(out, ":");
  put_unsigned(out, (unsigned long long)(code->co_firstlineno < 0 ? 0 : code->co_firstlineno));
  put_raw(out, ">");
}

static void put_sequence(struct text* out, PyObject* value, const char* open, const char* close, int depth) {
  Py_ssize_t size = PySequence_Fast_GET_SIZE(value);
  put_raw(out, open);
  for (Py_ssize_t i = 0; i < size && i < COLLECTION_LIMIT && !out->full; ++i) {
    if (i > 0) put_raw(out, ", ");
    put_repr(out, PySequence_Fast_GET_ITEM(value, i), depth + 1);
  }
  if (size > COLLECTION_LIMIT) put_raw(out, ", ...");
  if (size == 1 && close[0] == ')') put_raw(out, ",");
  put_raw(out, close);
}

static void put_dict(struct text* out, PyObject* value, int depth) {
  PyObject *key, *item;
  Py_ssize_t position = 0;
  int shown = 0;
  put_raw(out, "{");
  while (!out->full && PyDict_Next(value, &position, &key, &item)) {
    if (shown == COLLECTION_LIMIT) {
      put_raw(out, ", ...");
      break;
    }
    if (shown++ > 0) put_raw(out, ", ");
    put_repr(out, key, depth + 1);
    put_raw(out, ": ");
    put_repr(out, item, depth + 1);
  }
  put_raw(out, "}");
}

void put_repr(struct text* out, PyObject* value, int depth) {
  if (value == NULL) {
    put_raw(out, "<NULL>");
  } else if (value == Py_None || value == Py_True || value == Py_False) {
    put_raw(out, value == Py_None ? "None" : value == Py_True ? "True" : "False");
  } else if (PyUnicode_Check(value)) { /* of subclasses too: the characters lie in the object, no method is asked */
    put_str(out, value);
  } else if (PyBytes_Check(value)) {
    put_bytes(out, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
  } else if (PyByteArray_CheckExact(value)) {
    put_bytes(out, PyByteArray_AS_STRING(value), PyByteArray_GET_SIZE(value));
  } else if (PyLong_Check(value)) {
    put_integer(out, value);
  } else if (PyFloat_CheckExact(value)) {
    char digits[40];
    snprintf(digits, sizeof digits, "%.12g", PyFloat_AS_DOUBLE(value));
    put_raw(out, digits);
  } else if (PyCode_Check(value)) {
    put_code(out, (PyCodeObject*)value);
  } else if (depth >= DEPTH_LIMIT) {
    put_raw(out, "...");
  } else if (PyTuple_Check(value)) {
    put_sequence(out, value, "(", ")", depth);
  } else if (PyList_Check(value)) {
    put_sequence(out, value, "[", "]", depth);
  } else if (PyDict_CheckExact(value)) {
    put_dict(out, value, depth);
  } else {
    put_type(out, value);
  }
}
