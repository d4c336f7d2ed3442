/* Makes a disk slow for the process that it is loaded into: each fsync and fdatasync takes SLOW_DISK_MICROS longer.
 *
 * Loaded before the C library (LD_PRELOAD). The real call is made first, so that what is durable stays so. */

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_as_told(void) {
    static long micros = -1;
    if (micros < 0) {
        const char *told = getenv("SLOW_DISK_MICROS");
        micros = told ? atol(told) : 0;
    }
    struct timespec left = {micros / 1000000, micros % 1000000 * 1000};
    int before = errno;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    errno = before;
}

int fsync(int file) {
    int result = (int)syscall(SYS_fsync, file);
    wait_as_told();
    return result;
}

int fdatasync(int file) {
    int result = (int)syscall(SYS_fdatasync, file);
    wait_as_told();
    return result;
}
