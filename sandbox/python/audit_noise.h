/* Which audit events are not worth a line: raised thousands of times by every install, asked for by no highlight and no
 * rule. They are counted, so that the report can still say how many there were. Call with the GIL held. */
#ifndef LAZARET_AUDIT_NOISE_H
#define LAZARET_AUDIT_NOISE_H

#include "audit_render.h"

/* Remembers the import system as it is before the package runs. */
void lazaret_noise_begin(void);
/* True: the event is counted and need not be told. `args` and `frame` (the nearest) may be NULL. */
int lazaret_is_noise(const char *event, PyObject *args, PyFrameObject *frame);
/* `{'open': 512, ...}` of this process. */
void lazaret_put_noise_counts(struct text *out);

int lazaret_starts_with(PyObject *text, const char *prefix); /* false for what is not an ASCII str */

#endif
