/* Preloaded into the program by benchmarks/faults_calls.py: counts system calls on files below one folder, and makes one
   of them fail, or ends the process before it. The state is shared by all processes that the first one forks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROLES 4
#define TRACED 8192

enum kind { NONE, KILL, KILL_ALL, TORN, SHORT, ENOSPC_ONCE, ENOSPC_ON, EIO_ONCE, EIO_ON };

static struct shared {
    char root[PATH_MAX];
    int role, kind, fired;
    long nth, count[ROLES];
    char trace[ROLES][TRACED];
} *state;
static int role = -1;

__attribute__((constructor)) static void start(void) {
    state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (state == MAP_FAILED) state = NULL;
}

/* Forget all counts, and let the nth call of the processes of this role fail. */
void faults_arm(const char *root, int of_role, int kind, long nth) {
    memset(state, 0, sizeof *state);
    snprintf(state->root, sizeof state->root, "%s", root);
    state->role = of_role, state->kind = kind, state->nth = nth;
}

void faults_role(int own) { role = own; }
int faults_fired(void) { return state->fired; }
const char *faults_trace(int of_role) { return state->trace[of_role]; }

static int is_below(const char *path) {
    size_t length = strlen(state->root);
    return length && !strncmp(path, state->root, length) && (path[length] == '/' || !path[length]);
}

static int is_watched_fd(int fd) {
    char link[64], path[PATH_MAX];
    if (!state || role < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static int is_watched(int folder, const char *path) {
    if (!state || role < 0 || !path) return 0;
    return path[0] == '/' || folder == AT_FDCWD ? is_below(path) : is_watched_fd(folder);
}

/* R read, O open for reading, C open that may create, W write, S fsync, N names change */
static int applies(int kind, char call) {
    int changes = call != 'R' && call != 'O';
    if (kind == TORN || kind == SHORT) return call == 'W';
    return kind == EIO_ONCE || kind == EIO_ON ? 1 : changes;
}

#define HALF -1

/* Return 0 if the call may pass, the error that it fails with, or HALF where half is to be written. */
static int verdict(char call) {
    int caller_errno = errno, answer = 0;
    long number = __atomic_fetch_add(&state->count[role], 1, __ATOMIC_SEQ_CST);
    if (number < TRACED - 1) state->trace[role][number] = call;
    int lasts = state->kind == ENOSPC_ON || state->kind == EIO_ON;
    if (state->kind != NONE && state->role == role && number >= state->nth && applies(state->kind, call) &&
        (!__atomic_exchange_n(&state->fired, 1, __ATOMIC_SEQ_CST) || lasts)) {
        switch (state->kind) {
        case KILL: kill(getpid(), SIGKILL); break;
        case KILL_ALL: kill(0, SIGKILL); break;
        case TORN: case SHORT: answer = HALF; break;
        case ENOSPC_ONCE: case ENOSPC_ON: answer = ENOSPC; break;
        default: answer = EIO;
        }
    }
    errno = caller_errno;
    return answer;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL_IF(watched, call) \
    if (watched) { int error = verdict(call); if (error > 0) { errno = error; return -1; } }

static void after_half(void) { if (state->kind == TORN) kill(0, SIGKILL); }

#define OPENED(name, folder, path, arguments) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); } \
    FAIL_IF(is_watched(folder, path), flags & (O_CREAT | O_TRUNC) ? 'C' : 'O') \
    return NEXT(name) arguments;

int open(const char *path, int flags, ...) { OPENED(open, AT_FDCWD, path, (path, flags, mode)) }
int open64(const char *path, int flags, ...) { OPENED(open64, AT_FDCWD, path, (path, flags, mode)) }
int openat(int at, const char *path, int flags, ...) { OPENED(openat, at, path, (at, path, flags, mode)) }
int openat64(int at, const char *path, int flags, ...) { OPENED(openat64, at, path, (at, path, flags, mode)) }

#define READING(name, parameters, arguments) \
    ssize_t name parameters { FAIL_IF(is_watched_fd(fd), 'R') return NEXT(name) arguments; }
READING(read, (int fd, void *buffer, size_t n), (fd, buffer, n))
READING(pread, (int fd, void *buffer, size_t n, off_t at), (fd, buffer, n, at))
READING(pread64, (int fd, void *buffer, size_t n, off64_t at), (fd, buffer, n, at))
READING(readv, (int fd, const struct iovec *parts, int n), (fd, parts, n))

#define WRITING(name, parameters, arguments) \
    ssize_t name parameters { \
        int answer = is_watched_fd(fd) ? verdict('W') : 0; \
        if (answer > 0) { errno = answer; return -1; } \
        if (answer == HALF && n > 1) n /= 2; \
        ssize_t written = NEXT(name) arguments; \
        if (answer == HALF) after_half(); \
        return written; \
    }
WRITING(write, (int fd, const void *data, size_t n), (fd, data, n))
WRITING(pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
WRITING(pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
WRITING(writev, (int fd, const struct iovec *parts, int n), (fd, parts, n))

#define ON_FILE(name, call, parameters, arguments) \
    int name parameters { FAIL_IF(is_watched_fd(fd), call) return NEXT(name) arguments; }
ON_FILE(fsync, 'S', (int fd), (fd))
ON_FILE(fdatasync, 'S', (int fd), (fd))
ON_FILE(ftruncate, 'N', (int fd, off_t n), (fd, n))
ON_FILE(ftruncate64, 'N', (int fd, off64_t n), (fd, n))

#define ON_NAME(name, folder, path, parameters, arguments) \
    int name parameters { FAIL_IF(is_watched(folder, path), 'N') return NEXT(name) arguments; }
ON_NAME(rename, AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_NAME(renameat, at, to, (int of, const char *from, int at, const char *to), (of, from, at, to))
ON_NAME(renameat2, at, to, (int of, const char *from, int at, const char *to, unsigned flags), (of, from, at, to, flags))
ON_NAME(link, AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_NAME(linkat, at, to, (int of, const char *from, int at, const char *to, int flags), (of, from, at, to, flags))
ON_NAME(unlink, AT_FDCWD, path, (const char *path), (path))
ON_NAME(unlinkat, at, path, (int at, const char *path, int flags), (at, path, flags))
ON_NAME(rmdir, AT_FDCWD, path, (const char *path), (path))
ON_NAME(mkdir, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
ON_NAME(mkdirat, at, path, (int at, const char *path, mode_t mode), (at, path, mode))
