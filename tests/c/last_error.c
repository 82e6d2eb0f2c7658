/* How long an error lives, and whose it is. The operation `encoding` succeeds without a server. */
#include "check.h"

#define ENCODING "{\"password\": \"" PASSWORD "\", \"password_encoding\": \"plain\"}"
#define THREADS 8

static mm_export *handle;

static void what_cannot_fail_leaves_the_error_alone(void)
{
    const char *text, *detail;
    char *reply;
    CHECK(mm_call(handle, "encoding", ENCODING, &reply) == MM_OK);
    CHECK(mm_call(handle, "sail", "{}", NULL) == MM_ARGUMENT);
    text = mm_last_error();
    detail = mm_last_error_detail();
    mm_string_free(reply);
    mm_export_set_log(handle, NULL, NULL);
    mm_export_free(NULL);
    (void)mm_version();
    (void)mm_abi_version();
    CHECK(mm_last_error() == text && mm_last_error_detail() == detail);
    CHECK(strcmp(text, "unknown operation sail") == 0);
}

static void freeing_a_handle_leaves_the_error_alone(void)
{
    mm_export *other = mm_export_new(OFFLINE_CONFIG);
    CHECK(other != NULL);
    CHECK(mm_call(other, "sail", "{}", NULL) == MM_ARGUMENT);
    mm_export_free(other);
    CHECK(strcmp(mm_last_error(), "unknown operation sail") == 0);
}

static void a_success_empties_the_error(void)
{
    mm_export *other;
    CHECK(mm_call(handle, "sail", "{}", NULL) == MM_ARGUMENT);
    CHECK(mm_call(handle, "encoding", ENCODING, NULL) == MM_OK);
    CHECK(strcmp(mm_last_error(), "") == 0);
    CHECK(strcmp(mm_last_error_detail(), "{}") == 0);
    CHECK(mm_call(handle, "sail", "{}", NULL) == MM_ARGUMENT);
    other = mm_export_new(OFFLINE_CONFIG);
    CHECK(other != NULL);
    CHECK(strcmp(mm_last_error(), "") == 0);
    mm_export_free(other);
}

static void *fail_by_name(void *argument)
{
    char operation[32], expected[64];
    int i;
    CHECK(strcmp(mm_last_error(), "") == 0);
    snprintf(operation, sizeof operation, "sail_%d", *(int *)argument);
    snprintf(expected, sizeof expected, "unknown operation %s", operation);
    for (i = 0; i < 200; i++) {
        CHECK(mm_call(handle, operation, "{}", NULL) == MM_ARGUMENT);
        CHECK(strcmp(mm_last_error(), expected) == 0);
    }
    return NULL;
}

static void each_thread_has_its_own(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS], i;
    const char *text;
    CHECK(mm_call(handle, "row", "{}", NULL) == MM_ARGUMENT);
    text = mm_last_error();
    for (i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, fail_by_name, &numbers[i]) == 0);
    }
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(mm_last_error() == text);
    CHECK(strcmp(text, "unknown operation row") == 0);
}

int main(void)
{
    CHECK(strcmp(mm_last_error(), "") == 0);
    handle = mm_export_new(OFFLINE_CONFIG);
    CHECK(handle != NULL);
    RUN(what_cannot_fail_leaves_the_error_alone);
    RUN(freeing_a_handle_leaves_the_error_alone);
    RUN(a_success_empties_the_error);
    RUN(each_thread_has_its_own);
    mm_export_free(handle);
    END();
}
