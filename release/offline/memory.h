#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Copies from the memory of another process; gives how many bytes were there to be read, at most `size`. */
size_t read_memory(pid_t pid, uint64_t from, void *into, size_t size);
