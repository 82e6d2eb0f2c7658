/* One handle in eight threads, and on both sides of a fork, against the simulator. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <sys/wait.h>
#include <unistd.h>

#define MANY 8
#define ROUNDS 3

static mm_export *handle;

/* A mailbox of its own for each `number`: made, changed in its status, looked at. Returns the failures. */
static int live(int number)
{
    char username[32], request[2048], id[64];
    char *reply;
    int failures = 0, i;
    snprintf(username, sizeof username, "user%d", number);
    snprintf(id, sizeof id, "{\"id\": \"%s\"}", username);
    request_of(request, sizeof request, number, username, "Some One", "");
    for (i = 0; i < ROUNDS; i++) {
        failures += mm_provision(handle, request, NULL) != MM_OK;
        failures += mm_suspend(handle, request, NULL) != MM_OK;
        failures += mm_call(handle, "get_user", id, &reply) != MM_OK;
        failures += reply == NULL || strstr(reply, "suspended") == NULL;
        mm_string_free(reply);
        failures += mm_unsuspend(handle, request, NULL) != MM_OK;
    }
    if (failures > 0)
        printf("# number %d, process %ld: %s\n", number, (long)getpid(), mm_last_error());
    return failures;
}

struct worker {
    pthread_t thread;
    int number, failures;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    worker->failures = live(worker->number);
    return NULL;
}

static void eight_threads_share_a_handle(void)
{
    struct worker workers[MANY];
    int i;
    for (i = 0; i < MANY; i++) {
        workers[i].number = 100 + i;
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (i = 0; i < MANY; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        CHECK(workers[i].failures == 0);
    }
}

static pthread_mutex_t over_lock = PTHREAD_MUTEX_INITIALIZER;
static int over;

static int is_over(int now)
{
    int known;
    pthread_mutex_lock(&over_lock);
    over |= now;
    known = over;
    pthread_mutex_unlock(&over_lock);
    return known;
}

static void *work_until_it_is_over(void *argument)
{
    struct worker *worker = argument;
    while (!is_over(0))
        worker->failures += live(worker->number);
    return NULL;
}

/* The first calls of the process, so that what it makes only once is being made when it forks. */
static void a_fork_in_the_middle_of_other_threads_calls_leaves_nothing_locked(void)
{
    struct worker workers[MANY / 2];
    int i, status;
    for (i = 0; i < MANY / 2; i++) {
        workers[i].number = 300 + i;
        workers[i].failures = 0;
        CHECK(pthread_create(&workers[i].thread, NULL, work_until_it_is_over, &workers[i]) == 0);
    }
    for (i = 0; i < 2 * MANY; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(100); /* ends a child that waits for ever */
            /* What the threads of the parent hold has no owner here: no place to look for leaks, as valgrind
               does at an exit. */
            execl("/bin/sh", "sh", "-c", live(400) == 0 ? "exit 0" : "exit 1", (char *)NULL);
            _exit(1);
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    is_over(1);
    for (i = 0; i < MANY / 2; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        CHECK(workers[i].failures == 0);
    }
}

static void children_and_parent_use_a_handle_that_was_used_before_the_fork(void)
{
    pid_t children[MANY];
    int i, status;
    CHECK(live(200) == 0);
    fflush(stdout);
    for (i = 0; i < MANY; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            int failures = live(201 + i);
            mm_export_free(handle);
            fflush(stdout);
            _exit(failures == 0 ? 0 : 1);
        }
        CHECK(children[i] > 0);
    }
    CHECK(live(200) == 0);
    for (i = 0; i < MANY; i++) {
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    CHECK(live(200) == 0);
}

static void a_child_may_leave_the_handle_alone(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(live(200) == 0);
}

int main(void)
{
    handle = mm_export_new(simulator_config(""));
    CHECK(handle != NULL);
    RUN(a_fork_in_the_middle_of_other_threads_calls_leaves_nothing_locked);
    RUN(eight_threads_share_a_handle);
    RUN(children_and_parent_use_a_handle_that_was_used_before_the_fork);
    RUN(a_child_may_leave_the_handle_alone);
    mm_export_free(handle);
    END();
}
