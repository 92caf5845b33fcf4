#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Writes what a DNS message asks for, `example.org (AAAA)`; false when it is no question. */
bool say_question(const uint8_t *message, size_t length, char *text, size_t size);
