#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/** Where a process wants to send something. */
struct address {
  /** 0 when there is none. */
  size_t length;
  union {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_storage room;
  };
};

/** Whether what is sent there stays on this machine: its loopback, or a family that leads to no network. */
bool stays_here(const struct address *address);

/** Whether names are asked for there. */
bool is_name_server(const struct address *address);

/** Whether it is a service of this machine that asks for names on behalf of others. */
bool is_name_cache(const struct address *address);

/** As people write it: `192.0.2.1:80`. */
void say_address(const struct address *address, char *text, size_t size);
