/* A mailbox's life through the five hooks, against the simulator; and whose a reply is. */
#include "check.h"

static mm_export *handle;
static char request[2048];

/* Runs a hook and checks that it succeeded and says `part` in its reply. */
static void runs(int32_t (*hook)(const mm_export *, const char *, char **), const char *part)
{
    char *reply;
    CHECK(hook(handle, request, &reply) == MM_OK);
    if (reply != NULL)
        CHECK_SAYS(reply, part);
    mm_string_free(reply);
}

static void user_has(const char *part)
{
    char *reply;
    CHECK(mm_call(handle, "get_user", "{\"id\": \"jane\"}", &reply) == MM_OK);
    if (reply != NULL)
        CHECK_SAYS(reply, part);
    mm_string_free(reply);
}

static void a_mailbox_goes_through_its_life(void)
{
    request_of(request, sizeof request, 42, "jane", "Jane Roe", "");
    runs(mm_provision, "\"steps\":[\"");
    user_has("\"status\":\"active\"");
    user_has("Roe");
    runs(mm_provision, "\"account_id\":\"FREESIDE42\"");
    runs(mm_suspend, "\"steps\":[\"");
    user_has("\"status\":\"suspended\"");
    runs(mm_suspend, "\"steps\":[]");
    runs(mm_unsuspend, "\"steps\":[\"");
    user_has("\"status\":\"active\"");
    request_of(request, sizeof request, 42, "jane", "Jane Doe",
               ", \"old\": {\"svcnum\": 1042, \"username\": \"jane\", \"domain\": \"example.net\","
               " \"finger\": \"Jane Roe\", \"password\": \"" PASSWORD "\", \"password_encoding\": \"plain\"}");
    runs(mm_replace, "\"steps\":[\"");
    user_has("Doe");
    request_of(request, sizeof request, 42, "jane", "Jane Doe", "");
    runs(mm_unprovision, "\"steps\":[\"");
    user_has("\"status\":\"deleted\"");
}

static void a_dry_run_changes_nothing(void)
{
    char *reply;
    request_of(request, sizeof request, 43, "dry", "Dry Run", ", \"dry_run\": true");
    runs(mm_provision, "create account FREESIDE43");
    CHECK(mm_call(handle, "get_user", "{\"id\": \"dry\"}", &reply) == MM_OK);
    CHECK(reply != NULL && strcmp(reply, "null") == 0);
    mm_string_free(reply);
}

static void what_the_server_forbids_is_told(void)
{
    char *reply;
    request_of(request, sizeof request, 44, "jane", "Jane Doe", "");
    CHECK(mm_provision(handle, request, &reply) == MM_REFUSED);
    CHECK(reply == NULL);
    CHECK_SAYS(mm_last_error(), "FREESIDE42");
}

static void *free_reply(void *reply)
{
    mm_string_free(reply);
    return NULL;
}

static void a_reply_is_the_callers_whatever_happens_after(void)
{
    char *first, *second;
    pthread_t thread;
    mm_export *other = mm_export_new(simulator_config(""));
    CHECK(other != NULL);
    CHECK(mm_call(other, "get_account", "{\"id\": \"FREESIDE42\"}", &first) == MM_OK);
    CHECK(mm_call(other, "get_account", "{\"id\": \"FREESIDE99\"}", &second) == MM_OK);
    mm_export_free(other);
    CHECK(first != NULL && first != second);
    if (first != NULL)
        CHECK_SAYS(first, "FREESIDE42");
    CHECK(second != NULL && strcmp(second, "null") == 0);
    mm_string_free(second);
    CHECK(pthread_create(&thread, NULL, free_reply, first) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void a_caller_may_do_without_the_reply(void)
{
    CHECK(mm_call(handle, "get_account", "{\"id\": \"FREESIDE42\"}", NULL) == MM_OK);
    request_of(request, sizeof request, 45, "silent", "Silent Guest", "");
    CHECK(mm_provision(handle, request, NULL) == MM_OK);
    CHECK(mm_suspend(handle, request, NULL) == MM_OK);
}

int main(void)
{
    handle = mm_export_new(simulator_config(""));
    CHECK(handle != NULL);
    RUN(a_mailbox_goes_through_its_life);
    RUN(a_dry_run_changes_nothing);
    RUN(what_the_server_forbids_is_told);
    RUN(a_reply_is_the_callers_whatever_happens_after);
    RUN(a_caller_may_do_without_the_reply);
    mm_export_free(handle);
    END();
}
