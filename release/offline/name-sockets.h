#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "address.h"

/*
 * Sockets for datagrams that only seem to be connected to a name server. Whose question they carry is told by what is
 * sent through them.
 */

/** False when the socket is none for datagrams. */
bool keep_name_socket(pid_t thread, int socket, const struct address *server);
void drop_name_socket(pid_t thread, int socket);
/** The name server a socket seems to be connected to, or NULL. */
const struct address *name_socket(pid_t thread, int socket);
