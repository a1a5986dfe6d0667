// Loaded before the C library of a server: writes down, in order, what it does to the files of one
// folder and which of it was synced. What is left after a power failure is made of that (power.rs).
// May kill the server when it syncs for the n-th time, before that is done: when most is not synced.
//
// Not seen: memory that is mapped (the -shm files of SQLite, which are made anew), descriptors made by
// dup, writev, fallocate, copy_file_range. A folder is known by the paths that begin with it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { OPENED = 1, WRITTEN, CUT, SYNCED, UNLINKED, RENAMED };

// Numbers as this machine keeps them; `length` bytes follow: a path, two with a zero between, or data.
struct record {
    uint64_t kind, inode, offset, length;
};

#define DESCRIPTORS 65536
static uint64_t inodes[DESCRIPTORS];
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static int journal = -1;
static long syncs_left;

#define REAL(name, ...) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("VINCULO_TEST_POWER_JOURNAL");
    const char *syncs = getenv("VINCULO_TEST_POWER_SYNCS");
    folder = getenv("VINCULO_TEST_POWER_FOLDER");
    syncs_left = syncs ? atol(syncs) : 0;
    if (path && folder)
        journal = REAL(open, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int inside(const char *path) {
    return journal >= 0 && !strncmp(path, folder, strlen(folder));
}

static int watched(int fd) {
    return journal >= 0 && fd >= 0 && fd < DESCRIPTORS && inodes[fd];
}

// A journal with a gap would prove nothing.
static void put(const void *bytes, size_t length) {
    while (length > 0) {
        ssize_t done = REAL(write, journal, bytes, length);
        if (done <= 0)
            abort();
        bytes = (const char *)bytes + done;
        length -= done;
    }
}

static void note(enum kind kind, uint64_t inode, uint64_t offset, const void *bytes, size_t length) {
    struct record record = {kind, inode, offset, length};
    put(&record, sizeof record);
    put(bytes, length);
}

static int opened(int fd, const char *path, int flags, int was_there) {
    struct stat stat;
    if (fd < 0)
        return fd;
    if (fd >= DESCRIPTORS || fstat(fd, &stat))
        abort();
    inodes[fd] = stat.st_ino;
    note(OPENED, stat.st_ino, !was_there, path, strlen(path));
    if (was_there && flags & O_TRUNC)
        note(CUT, stat.st_ino, 0, "", 0);
    return fd;
}

#define OPEN(name)                                                                                  \
    int name(const char *path, int flags, ...) {                                                    \
        va_list rest;                                                                               \
        va_start(rest, flags);                                                                      \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                     \
        va_end(rest);                                                                               \
        if (!inside(path))                                                                          \
            return REAL(name, path, flags, mode);                                                   \
        pthread_mutex_lock(&one_at_a_time);                                                         \
        int was_there = !access(path, F_OK);                                                        \
        int fd = opened(REAL(name, path, flags, mode), path, flags, was_there);                     \
        pthread_mutex_unlock(&one_at_a_time);                                                       \
        return fd;                                                                                  \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (watched(fd))
        inodes[fd] = 0;
    return REAL(close, fd);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!watched(fd))
        return REAL(write, fd, bytes, length);
    pthread_mutex_lock(&one_at_a_time);
    ssize_t done = REAL(write, fd, bytes, length);
    if (done > 0)
        note(WRITTEN, inodes[fd], lseek(fd, 0, SEEK_CUR) - done, bytes, done);
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}

#define PWRITE(name)                                                                                \
    ssize_t name(int fd, const void *bytes, size_t length, off_t offset) {                          \
        if (!watched(fd))                                                                           \
            return REAL(name, fd, bytes, length, offset);                                           \
        pthread_mutex_lock(&one_at_a_time);                                                         \
        ssize_t done = REAL(name, fd, bytes, length, offset);                                       \
        if (done > 0)                                                                               \
            note(WRITTEN, inodes[fd], offset, bytes, done);                                         \
        pthread_mutex_unlock(&one_at_a_time);                                                       \
        return done;                                                                                \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define AFTERWARDS(name, kind, offset, ...)                                                         \
    {                                                                                               \
        if (!watched(fd))                                                                           \
            return REAL(name, __VA_ARGS__);                                                         \
        pthread_mutex_lock(&one_at_a_time);                                                         \
        if (kind == SYNCED && syncs_left > 0 && !--syncs_left)                                      \
            raise(SIGKILL);                                                                         \
        int failed = REAL(name, __VA_ARGS__);                                                       \
        if (!failed)                                                                                \
            note(kind, inodes[fd], offset, "", 0);                                                  \
        pthread_mutex_unlock(&one_at_a_time);                                                       \
        return failed;                                                                              \
    }
int ftruncate(int fd, off_t length) AFTERWARDS(ftruncate, CUT, length, fd, length)
int ftruncate64(int fd, off64_t length) AFTERWARDS(ftruncate64, CUT, length, fd, length)
int fsync(int fd) AFTERWARDS(fsync, SYNCED, 0, fd)
int fdatasync(int fd) AFTERWARDS(fdatasync, SYNCED, 0, fd)

int unlink(const char *path) {
    if (!inside(path))
        return REAL(unlink, path);
    pthread_mutex_lock(&one_at_a_time);
    int failed = REAL(unlink, path);
    if (!failed)
        note(UNLINKED, 0, 0, path, strlen(path));
    pthread_mutex_unlock(&one_at_a_time);
    return failed;
}

int rename(const char *from, const char *to) {
    if (!inside(to))
        return REAL(rename, from, to);
    pthread_mutex_lock(&one_at_a_time);
    int failed = REAL(rename, from, to);
    if (!failed) {
        char both[8192];
        int length = snprintf(both, sizeof both, "%s%c%s", from, 0, to);
        if (length >= (int)sizeof both)
            abort();
        note(RENAMED, 0, 0, both, length);
    }
    pthread_mutex_unlock(&one_at_a_time);
    return failed;
}
