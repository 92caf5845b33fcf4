#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

enum { MOST_ARGUMENTS = 64, STARTED_FIELD = 22, STATE_FIELD = 3, PARENT_FIELD = 4 };

static struct process *seen = NULL;

static ssize_t read_proc(pid_t pid, const char *name, char *into, size_t size) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t length = read(file, into, size - 1);
  close(file);
  if (length >= 0) into[length] = '\0';
  return length;
}

static pid_t process_id(pid_t thread) {
  char status[2048];
  if (read_proc(thread, "status", status, sizeof status) < 0) return -1;
  const char *line = strstr(status, "\nTgid:");
  return line == NULL ? -1 : atoi(line + strlen("\nTgid:"));
}

struct lineage {
  pid_t parent;
  unsigned long long started;
};

static int read_lineage(pid_t pid, struct lineage *lineage) {
  char stat[1024];
  if (read_proc(pid, "stat", stat, sizeof stat) < 0) return 0;
  // The name in brackets may hold anything, brackets too.
  const char *at = strrchr(stat, ')');
  for (int field = STATE_FIELD; at != NULL && (at = strchr(at, ' ')) != NULL; field++) {
    at++;
    if (field == PARENT_FIELD) lineage->parent = atoi(at);
    if (field == STARTED_FIELD) return sscanf(at, "%llu", &lineage->started) == 1;
  }
  return 0;
}

/** A command line as it grows, before it is cut to what is kept of it. */
struct line {
  size_t length;
  char text[16384];
};

static void put(struct line *line, const char *text, size_t length) {
  for (size_t i = 0; i < length && line->length < sizeof line->text; i++)
    line->text[line->length++] = isprint((unsigned char)text[i]) ? text[i] : ' ';
}

/** Puts a word on the line, in quotes where it holds blanks. */
static void put_word(struct line *line, const char *word, size_t length) {
  const char *quote = length == 0 || memchr(word, ' ', length) || memchr(word, '\n', length) ? "'" : "";
  if (line->length > 0) put(line, " ", 1);
  put(line, quote, strlen(quote));
  put(line, word, length);
  put(line, quote, strlen(quote));
}

/** Of a long line its ends: what is run, and with which last words. */
static void keep(struct process *process, const struct line *line) {
  static const char CUT[] = " ... ";
  size_t room = COMMAND_SIZE - 1, head = COMMAND_SIZE / 3, cut = strlen(CUT);
  if (line->length <= room) {
    memcpy(process->command, line->text, line->length);
    process->command[line->length] = '\0';
    return;
  }
  size_t tail = room - head - cut;
  memcpy(process->command, line->text, head);
  memcpy(process->command + head, CUT, cut);
  memcpy(process->command + head + cut, line->text + line->length - tail, tail);
  process->command[room] = '\0';
}

void note_command(struct process *process) {
  char words[16384];
  ssize_t length = read_proc(process->pid, "cmdline", words, sizeof words);
  if (length <= 0) return;
  struct line line = {.length = 0};
  for (const char *word = words; word < words + length; word += strlen(word) + 1) put_word(&line, word, strlen(word));
  keep(process, &line);
}

static struct process *find(pid_t pid, unsigned long long started) {
  for (struct process *process = seen; process != NULL; process = process->older)
    if (process->pid == pid && process->started == started) return process;
  return NULL;
}

struct process *process_of(pid_t thread) {
  struct lineage lineage = {.parent = 0};
  pid_t pid = process_id(thread);
  if (pid < 0 || !read_lineage(pid, &lineage)) return NULL;
  struct process *process = find(pid, lineage.started);
  if (process != NULL) return process;
  // An orphan nobody noticed is a child of the supervisor.
  const struct process *parent = lineage.parent == getpid() ? NULL : process_of(lineage.parent);
  process = calloc(1, sizeof *process);
  if (process == NULL) abort();
  *process = (struct process){.pid = pid, .started = lineage.started, .parent = parent, .older = seen};
  seen = process;
  note_command(process);
  return process;
}

void note_exec(pid_t thread, uint64_t arguments) {
  struct process *process = process_of(thread);
  uint64_t words[MOST_ARGUMENTS] = {0};
  if (process == NULL) return;
  size_t count = read_memory(thread, arguments, words, sizeof words) / sizeof *words;
  if (count == 0 || words[0] == 0) return;
  struct line line = {.length = 0};
  for (size_t i = 0; i < count && words[i] != 0; i++) {
    char word[2048];
    size_t length = read_memory(thread, words[i], word, sizeof word);
    put_word(&line, word, strnlen(word, length));
  }
  keep(process, &line);
}

void note_exit(pid_t thread) {
  const struct process *process = process_of(thread);
  char path[64];
  if (process == NULL) return;
  snprintf(path, sizeof path, "/proc/%d/task", process->pid);
  DIR *threads = opendir(path);
  if (threads == NULL) return;
  for (const struct dirent *entry; (entry = readdir(threads)) != NULL;) {
    char name[280], children[4096];
    snprintf(name, sizeof name, "task/%s/children", entry->d_name);
    if (read_proc(process->pid, name, children, sizeof children) <= 0) continue;
    for (char *at = children, *end; (end = strchr(at, ' ')) != NULL; at = end + 1) process_of(atoi(at));
  }
  closedir(threads);
}
