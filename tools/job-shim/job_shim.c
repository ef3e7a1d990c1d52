/* The job shim: runs one task in the guest, exactly as it is described, and keeps what an SSH session cannot tell:
 * which process group it is, and whether it ended by an exit or by a signal.
 *
 *   job-shim put FOLDER          the task, as runner::encode() writes it, comes on standard input; exit 3 if its
 *                                working directory cannot be entered
 *   job-shim run FOLDER          becomes the task's parent; exit status as a shell's, 128 + N after signal N
 *   job-shim signal FOLDER N     signal N to the task's process group
 *   job-shim status FOLDER       "exit 7", "signal 11", or "running"
 *
 * It is C, static and without any library but musl, for it has to run on whatever the guest's image is. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { exit_usage = 2, exit_no_workdir = 3, exit_failed = 4, exit_cannot_execute = 126, exit_not_found = 127 };

static _Noreturn void fail(int status, const char *what, const char *name)
{
    fprintf(stderr, "vmbatch: %s %s: %s\n", what, name, strerror(errno));
    exit(status);
}

static void *grown(void *memory, size_t size)
{
    void *result = realloc(memory, size);
    if (result == NULL) fail(exit_failed, "no memory for", "the task");
    return result;
}

/* ---- the task ---- */

struct task {
    const char *workdir;
    const char *program;
    mode_t umask;
    char **arguments;
    char **environment;
    size_t argument_count, environment_count;
    struct {
        int resource;
        struct rlimit limit;
    } limits[RLIM_NLIMITS];
    size_t limit_count;
};

static void append(char ***list, size_t *count, char *text)
{
    *list = grown(*list, (*count + 2) * sizeof **list);
    (*list)[(*count)++] = text;
    (*list)[*count] = NULL;
}

static void add_limit(struct task *task, const char *text)
{
    unsigned long long soft = 0, hard = 0;
    int resource = 0;
    if (sscanf(text, "%d %llu %llu", &resource, &soft, &hard) != 3 || task->limit_count == RLIM_NLIMITS) return;
    task->limits[task->limit_count].resource = resource;
    task->limits[task->limit_count].limit = (struct rlimit){.rlim_cur = soft, .rlim_max = hard};
    task->limit_count++;
}

/* Fields of a letter and a value, each ended by NUL. The text stays where it is: the task points into it. */
static struct task parse(char *text, size_t size)
{
    struct task task = {.workdir = "/", .umask = 022};
    for (char *field = text; field < text + size; field += strlen(field) + 1) {
        char *value = field + 1;
        switch (*field) {
        case 'd': task.workdir = value; break;
        case 'x': task.program = value; break;
        case 'u': task.umask = (mode_t)strtoul(value, NULL, 8); break;
        case 'l': add_limit(&task, value); break;
        case 'a': append(&task.arguments, &task.argument_count, value); break;
        case 'e': append(&task.environment, &task.environment_count, value); break;
        default: break;
        }
    }
    if (task.environment == NULL) task.environment = grown(NULL, sizeof *task.environment), *task.environment = NULL;
    if (task.program == NULL || task.arguments == NULL) {
        errno = EINVAL;
        fail(exit_failed, "cannot run", "a task without a program");
    }
    return task;
}

/* All that is read until the end, with a NUL behind it. */
static char *read_all(int fd, size_t *size)
{
    size_t room = 1 << 16;
    char *text = grown(NULL, room + 1);
    *size = 0;
    for (;;) {
        const ssize_t count = read(fd, text + *size, room - *size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail(exit_failed, "cannot read", "the task");
        if (count == 0) break;
        *size += (size_t)count;
        if (*size == room) text = grown(text, (room *= 2) + 1);
    }
    text[*size] = '\0';
    return text;
}

static void write_file(const char *name, int mode, const char *data, size_t size)
{
    const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) fail(exit_failed, "cannot write", name);
    while (size > 0) {
        const ssize_t count = write(fd, data, size);
        if (count < 0 && errno != EINTR) fail(exit_failed, "cannot write", name);
        if (count > 0) data += count, size -= (size_t)count;
    }
    close(fd);
}

/* Appears whole: others read it. */
static void publish(const char *name, const char *text)
{
    char temporary[32];
    snprintf(temporary, sizeof temporary, ".%s", name);
    unlink(temporary);
    write_file(temporary, 0600, text, strlen(text));
    if (rename(temporary, name) < 0) fail(exit_failed, "cannot write", name);
}

/* ---- folders ---- */

/* A folder in /tmp could have been laid there by somebody else. */
static void make_private(const char *path)
{
    struct stat info;
    if (mkdir(path, 0700) < 0 && errno != EEXIST) fail(exit_failed, "cannot make", path);
    if (lstat(path, &info) < 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
        errno = EPERM;
        fail(exit_failed, "not a folder of ours:", path);
    }
}

static void enter(const char *path)
{
    if (chdir(path) < 0) fail(exit_failed, "cannot enter", path);
}

/* ---- put ---- */

static int put(const char *folder)
{
    umask(077);
    char parent[PATH_MAX];
    const char *slash = strrchr(folder, '/');
    if (slash == NULL || (size_t)(slash - folder) >= sizeof parent) return exit_usage;
    memcpy(parent, folder, (size_t)(slash - folder));
    parent[slash - folder] = '\0';
    make_private(parent);
    make_private(folder);
    enter(folder);

    size_t size = 0;
    char *text = read_all(STDIN_FILENO, &size);
    /* The script, if there is one, is what follows the field "s". */
    char *end = text;
    while (end < text + size && *end != 's') end += strlen(end) + 1;
    if (end < text + size) {
        const char *script = end + 2;
        write_file("script", 0700, script, (size_t)(text + size - script));
    }
    write_file("task", 0600, text, (size_t)(end - text));

    const struct task task = parse(text, (size_t)(end - text));
    if (chdir(task.workdir) < 0) fail(exit_no_workdir, "cannot enter", task.workdir);
    return 0;
}

/* ---- run ---- */

static void apply_limits(const struct task *task)
{
    for (size_t i = 0; i < task->limit_count; ++i) {
        struct rlimit wanted = task->limits[i].limit, allowed;
        const int resource = task->limits[i].resource;
        if (getrlimit(resource, &allowed) < 0) continue;
        if (wanted.rlim_max > allowed.rlim_max && geteuid() != 0) wanted.rlim_max = allowed.rlim_max;
        if (wanted.rlim_cur > wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max;
        setrlimit(resource, &wanted);
    }
}

static _Noreturn void become(const struct task *task)
{
    /* A group of its own; on a terminal the one that Ctrl-C reaches. */
    setpgid(0, 0);
    if (isatty(STDIN_FILENO)) tcsetpgrp(STDIN_FILENO, getpgrp());
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    umask(task->umask);
    if (chdir(task->workdir) < 0) fail(exit_cannot_execute, "cannot enter", task->workdir);
    apply_limits(task);
    environ = task->environment;
    execvp(task->program, task->arguments);
    fail(errno == ENOENT ? exit_not_found : exit_cannot_execute, "cannot run", task->program);
}

/* Whatever the task left behind came to us (we are its subreaper): a job's end is the end of all of it, as it is
 * under a batch system on a host. */
static void end_the_rest(void)
{
    for (bool found = true; found;) {
        found = false;
        DIR *proc = opendir("/proc");
        if (proc == NULL) return;
        for (const struct dirent *entry; (entry = readdir(proc)) != NULL;) {
            char path[64], line[512];
            const long pid = strtol(entry->d_name, NULL, 10);
            if (pid <= 0) continue;
            snprintf(path, sizeof path, "/proc/%ld/stat", pid);
            const int fd = open(path, O_RDONLY | O_CLOEXEC);
            if (fd < 0) continue;
            const ssize_t count = read(fd, line, sizeof line - 1);
            close(fd);
            line[count > 0 ? count : 0] = '\0';
            const char *after_name = strrchr(line, ')');
            long parent = 0;
            if (after_name == NULL || sscanf(after_name, ") %*c %ld", &parent) != 1 || parent != getpid()) continue;
            kill((pid_t)pid, SIGKILL);
            waitpid((pid_t)pid, NULL, 0);
            found = true;
        }
        closedir(proc);
    }
}

static int run(const char *folder)
{
    enter(folder);
    size_t size = 0;
    const int fd = open("task", O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(exit_failed, "cannot read", "the task");
    char *fields = read_all(fd, &size);
    close(fd);
    const struct task task = parse(fields, size);
    prctl(PR_SET_CHILD_SUBREAPER, 1);

    /* Signals are for the task; one that hits everybody in the session must not end us. */
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    const pid_t child = fork();
    if (child < 0) fail(exit_failed, "cannot start", task.program);
    if (child == 0) become(&task);
    setpgid(child, child);
    char text[32];
    snprintf(text, sizeof text, "%ld", (long)child);
    publish("group", text);

    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
    /* Before it is reaped: until then nobody else can have its number. */
    kill(-child, SIGKILL);
    waitpid(child, NULL, 0);
    end_the_rest();
    const bool exited = info.si_code == CLD_EXITED;
    snprintf(text, sizeof text, "%s %d\n", exited ? "exit" : "signal", info.si_status);
    publish("status", text);
    return exited ? info.si_status : 128 + info.si_status;
}

/* ---- signal and status ---- */

static bool read_text(const char *name, char *text, size_t size)
{
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const ssize_t count = read(fd, text, size - 1);
    close(fd);
    text[count > 0 ? count : 0] = '\0';
    return count > 0;
}

static int send_signal(const char *folder, int number)
{
    enter(folder);
    char text[32];
    if (read_text("status", text, sizeof text)) return 0; /* too late, as it happens locally, too */
    for (int tries = 0; !read_text("group", text, sizeof text); ++tries) {
        if (tries == 100) fail(exit_failed, "no task runs in", folder);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    const long group = strtol(text, NULL, 10);
    if (group <= 1 || (kill((pid_t)-group, number) < 0 && errno != ESRCH)) fail(exit_failed, "cannot signal", text);
    return 0;
}

static int print_status(const char *folder)
{
    char text[32];
    enter(folder);
    fputs(read_text("status", text, sizeof text) ? text : "running\n", stdout);
    return 0;
}

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "put") == 0) return put(words[2]);
    if (count == 3 && strcmp(words[1], "run") == 0) return run(words[2]);
    if (count == 4 && strcmp(words[1], "signal") == 0) return send_signal(words[2], atoi(words[3]));
    if (count == 3 && strcmp(words[1], "status") == 0) return print_status(words[2]);
    fputs("usage: job-shim put|run|status FOLDER, job-shim signal FOLDER N\n", stderr);
    return exit_usage;
}
