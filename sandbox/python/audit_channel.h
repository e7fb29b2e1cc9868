/* The way out of the jail for audit events: one datagram each to /run/lazaret/audit.sock, a socket that can be written
 * to but not read from. Call with the GIL held. Never raises, never changes errno, never closes or writes to a
 * descriptor that is not its own, whatever the program did with its descriptors. */
#ifndef LAZARET_AUDIT_CHANNEL_H
#define LAZARET_AUDIT_CHANNEL_H

#include <stddef.h>

/* Blocks while the reader is behind (backpressure). Without a reader the message is dropped silently. */
void lazaret_channel_send(const char *message, size_t length);

#endif
