/* OpenSearch does not start where a process may open fewer than 65535 files. A machine whose own limit is lower, as a container's can be, cannot give a
   process more; for what the lab does, it is enough. This tells the server of the number that it wants to see; the limit itself is as it was. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/resource.h>

#define WANTED 65535

typedef int (*function)(__rlimit_resource_t, struct rlimit *);

int getrlimit(__rlimit_resource_t resource, struct rlimit *limit) {
    static function real;
    if (!real) real = (function)dlsym(RTLD_NEXT, "getrlimit");
    int result = real(resource, limit);
    /* The hard limit stays true: the virtual machine raises the other one to it. */
    if (result == 0 && resource == RLIMIT_NOFILE && limit->rlim_cur < WANTED) limit->rlim_cur = WANTED;
    return result;
}

/* On 64 bits the two are one. */
int getrlimit64(__rlimit_resource_t resource, struct rlimit64 *limit) {
    return getrlimit(resource, (struct rlimit *)limit);
}
