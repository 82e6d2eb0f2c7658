/* The log function: what it is given, when, on which thread, and what it may do. Needs the simulator. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <sys/wait.h>
#include <unistd.h>

#define ACCOUNT "{\"id\": \"FREESIDE42\"}"
#define THREADS 8

static mm_export *handle;

/* What a log function of the tests keeps of its lines. */
struct seen {
    pthread_t thread;
    int lines, elsewhere, secrets, bad_levels;
    char last[4096];
};

static void see(void *userdata, int32_t level, const char *line)
{
    struct seen *seen = userdata;
    seen->lines++;
    seen->elsewhere += !pthread_equal(seen->thread, pthread_self());
    seen->secrets += strstr(line, PASSWORD) != NULL || strstr(line, CLIENT_PASSWORD) != NULL;
    seen->bad_levels += level < MM_LOG_DEBUG || level > MM_LOG_ERROR;
    snprintf(seen->last, sizeof seen->last, "%s", line);
}

static struct seen nothing_seen(void)
{
    struct seen seen = { 0 };
    seen.thread = pthread_self();
    return seen;
}

static void each_userdata_gets_its_own_lines(void)
{
    struct seen one = nothing_seen(), other = nothing_seen();
    int lines;
    mm_export_set_log(handle, see, &one);
    CHECK(mm_call(handle, "get_account", ACCOUNT, NULL) == MM_OK);
    CHECK_SAYS(one.last, "GET /account/FREESIDE42");
    /* More than one where a slow machine needed a second connection. */
    lines = one.lines;
    mm_export_set_log(handle, see, &other);
    CHECK(mm_call(handle, "get_user", "{\"id\": \"jane\"}", NULL) == MM_OK);
    CHECK_SAYS(other.last, "GET /user/jane");
    CHECK(one.lines == lines);
    lines = other.lines;
    mm_export_set_log(handle, NULL, NULL);
    CHECK(mm_call(handle, "get_user", "{\"id\": \"jane\"}", NULL) == MM_OK);
    CHECK(other.lines == lines && one.lines > 0 && lines > 0);
    CHECK(one.elsewhere == 0 && one.bad_levels == 0 && one.secrets == 0);
}

static void no_line_shows_a_secret(void)
{
    char request[2048];
    struct seen seen = nothing_seen();
    request_of(request, sizeof request, 51, "logged", "Logged In", "");
    mm_export_set_log(handle, see, &seen);
    CHECK(mm_provision(handle, request, NULL) == MM_OK);
    mm_export_set_log(handle, NULL, NULL);
    CHECK(seen.lines >= 4);
    CHECK(seen.secrets == 0 && seen.elsewhere == 0 && seen.bad_levels == 0);
}

/* Per thread, so that the function needs no userdata to know whose line it is. */
static pthread_key_t lines_of_this_thread;

static void count_here(void *userdata, int32_t level, const char *line)
{
    int *lines = pthread_getspecific(lines_of_this_thread);
    (void)userdata, (void)level, (void)line;
    if (lines != NULL)
        ++*lines;
}

static void *call_and_count(void *argument)
{
    int lines = 0, i;
    (void)argument;
    CHECK(pthread_setspecific(lines_of_this_thread, &lines) == 0);
    for (i = 0; i < 5; i++)
        CHECK(mm_call(handle, "get_account", ACCOUNT, NULL) == MM_OK);
    /* A line of another thread's would be missing there. */
    CHECK(lines >= 5);
    return NULL;
}

static void each_thread_logs_its_own_calls(void)
{
    pthread_t threads[THREADS];
    int i;
    CHECK(pthread_key_create(&lines_of_this_thread, NULL) == 0);
    mm_export_set_log(handle, count_here, NULL);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, call_and_count, NULL) == 0);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    mm_export_set_log(handle, NULL, NULL);
    CHECK(pthread_key_delete(lines_of_this_thread) == 0);
}

/* A log function that forks; the child uses the handle that is in the midst of a call. */
static void fork_inside(void *userdata, int32_t level, const char *line)
{
    int *children = userdata, status = -1;
    pid_t child = fork();
    (void)level, (void)line;
    if (child == 0) {
        char *reply;
        mm_export_set_log(handle, NULL, NULL);
        if (mm_call(handle, "get_account", ACCOUNT, &reply) != MM_OK)
            _exit(1);
        mm_string_free(reply);
        mm_export_free(handle);
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ++*children;
}

static void the_log_function_may_fork(void)
{
    char request[2048];
    int children = 0;
    request_of(request, sizeof request, 52, "forked", "Forked Road", "");
    mm_export_set_log(handle, fork_inside, &children);
    CHECK(mm_provision(handle, request, NULL) == MM_OK);
    mm_export_set_log(handle, NULL, NULL);
    CHECK(children >= 4);
    CHECK(mm_call(handle, "get_account", ACCOUNT, NULL) == MM_OK);
}

/* A log function that calls the library, on the same handle and on another. */
static void call_inside(void *userdata, int32_t level, const char *line)
{
    mm_export *other = mm_export_new(OFFLINE_CONFIG);
    (void)level, (void)line;
    ++*(int *)userdata;
    CHECK(other != NULL);
    CHECK(mm_call(other, "sail", "{}", NULL) == MM_ARGUMENT);
    mm_export_free(other);
    mm_export_set_log(handle, NULL, NULL);
    CHECK(mm_call(handle, "get_account", ACCOUNT, NULL) == MM_OK);
    CHECK(mm_call(handle, "sail", "{}", NULL) == MM_ARGUMENT);
}

static void the_log_function_may_call_the_library(void)
{
    int lines = 0;
    mm_export_set_log(handle, call_inside, &lines);
    CHECK(mm_call(handle, "get_account", ACCOUNT, NULL) == MM_OK);
    CHECK(strcmp(mm_last_error(), "") == 0);
    CHECK(lines == 1);
}

int main(void)
{
    handle = mm_export_new(simulator_config(", \"debug\": 1"));
    CHECK(handle != NULL);
    RUN(each_userdata_gets_its_own_lines);
    RUN(no_line_shows_a_secret);
    RUN(each_thread_logs_its_own_calls);
    RUN(the_log_function_may_fork);
    RUN(the_log_function_may_call_the_library);
    mm_export_free(handle);
    END();
}
