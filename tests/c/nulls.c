/* NULL for each pointer, and texts that are no documents: a status, a sentence, no crash, and no reply. */
#include "check.h"

typedef int32_t (*hook)(const mm_export *, const char *, char **);

static mm_export *handle;
static char *reply;

/* What a caller's variable may hold before the call. */
static char anything[] = "anything";

#define FAILS(call, expected, says)                                                                 \
    do {                                                                                            \
        reply = anything;                                                                           \
        CHECK((call) == (expected));                                                                \
        CHECK(reply == NULL);                                                                       \
        CHECK_SAYS(mm_last_error(), (says));                                                        \
        CHECK_SAYS(mm_last_error_detail(), "\"status\":");                                          \
    } while (0)

static void versions_are_those_of_the_header(void)
{
    CHECK(mm_abi_version() == MM_ABI_VERSION);
    CHECK(strlen(mm_version()) >= strlen("0.0.0"));
}

static void nothing_to_free_is_fine(void)
{
    mm_export_free(NULL);
    mm_string_free(NULL);
    mm_export_set_log(NULL, NULL, NULL);
}

static void no_configuration_makes_no_handle(void)
{
    CHECK(mm_export_new(NULL) == NULL);
    CHECK(strcmp(mm_last_error(), "the configuration must not be NULL") == 0);
    CHECK_SAYS(mm_last_error_detail(), "\"status\":1");
    CHECK(mm_export_new("") == NULL);
    CHECK_SAYS(mm_last_error(), "not valid JSON");
    CHECK(mm_export_new("{\"machine\": \"\xff\"}") == NULL);
    CHECK_SAYS(mm_last_error(), "must be UTF-8");
    CHECK(mm_export_new("{\"machine\": \"mail.invalid\"}") == NULL);
    CHECK_SAYS(mm_last_error(), "missing key client_id");
    CHECK(mm_export_new("{\"machine\": \"m\", \"client_id\": \"a:b\", \"client_password\": \"c\"}") == NULL);
    CHECK_SAYS(mm_last_error_detail(), "\"status\":2");
}

static void each_null_of_each_hook_is_named(void)
{
    const hook hooks[] = { mm_provision, mm_unprovision, mm_replace, mm_suspend, mm_unsuspend };
    char request[1024];
    size_t i;
    request_of(request, sizeof request, 42, "jane", "Jane Roe", "");
    for (i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        FAILS(hooks[i](NULL, request, &reply), MM_ARGUMENT, "the handle must not be NULL");
        FAILS(hooks[i](handle, NULL, &reply), MM_ARGUMENT, "the request must not be NULL");
        FAILS(hooks[i](handle, "\xc3(", &reply), MM_ARGUMENT, "the request must be UTF-8");
        FAILS(hooks[i](handle, "{", &reply), MM_ARGUMENT, "not valid JSON");
        FAILS(hooks[i](handle, "{}", &reply), MM_ARGUMENT, "missing key account");
        CHECK(hooks[i](NULL, NULL, NULL) == MM_ARGUMENT);
    }
}

static void each_null_of_a_call_is_named(void)
{
    FAILS(mm_call(NULL, "get_user", "{\"id\": \"jane\"}", &reply), MM_ARGUMENT, "the handle");
    FAILS(mm_call(handle, NULL, "{\"id\": \"jane\"}", &reply), MM_ARGUMENT, "the operation");
    FAILS(mm_call(handle, "get_user", NULL, &reply), MM_ARGUMENT, "the arguments");
    FAILS(mm_call(handle, "sail", "{}", &reply), MM_ARGUMENT, "unknown operation sail");
    CHECK(mm_call(NULL, NULL, NULL, NULL) == MM_ARGUMENT);
}

static void each_null_of_a_task_is_named(void)
{
    static const char begin[] =
        "{\"task\": \"suspend\", \"export\": {\"exportnum\": 1}, \"context\": {},"
        " \"service\": {\"svcnum\": 17, \"username\": \"jane\"}}";
    mm_task *task;
    CHECK(mm_task_new(NULL) == NULL);
    CHECK_SAYS(mm_last_error(), "the task must not be NULL");
    CHECK(mm_task_new("{\"task\": \"sail\"}") == NULL);
    CHECK_SAYS(mm_last_error(), "unknown task sail");
    task = mm_task_new(begin);
    CHECK(task != NULL);
    FAILS(mm_task_next(NULL, task, "[]", &reply), MM_ARGUMENT, "the handle must not be NULL");
    FAILS(mm_task_next(handle, NULL, "[]", &reply), MM_ARGUMENT, "the task must not be NULL");
    FAILS(mm_task_next(handle, task, NULL, &reply), MM_ARGUMENT, "the answers must not be NULL");
    FAILS(mm_task_next(handle, task, "{}", &reply), MM_ARGUMENT, "the answers are JSON, but not a list");
    CHECK(mm_task_next(handle, task, "[]", &reply) == MM_OK);
    CHECK_SAYS(reply, "\"name\":\"exports\"");
    mm_string_free(reply);
    FAILS(mm_task_next(handle, task, "[]", &reply), MM_ARGUMENT, "an answer is missing");
    mm_task_free(task);
    mm_task_free(NULL);
}

static void a_request_that_cannot_be_carried_out_is_refused(void)
{
    char request[1024];
    request_of(request, sizeof request, 42, "", "Jane Roe", "");
    FAILS(mm_provision(handle, request, &reply), MM_REFUSED, "has no user name");
    request_of(request, sizeof request, 42, "jane", "Jane Roe", ", \"colour\": \"red\"");
    FAILS(mm_provision(handle, request, &reply), MM_ARGUMENT, "unknown key colour");
}

static void huge_and_deep_documents_are_refused(void)
{
    const size_t huge = 10 * 1024 * 1024, deep = 100000;
    char *text = malloc(huge + 1);
    CHECK(text != NULL);
    if (text == NULL)
        return;
    memset(text, ' ', huge);
    text[huge] = '\0';
    FAILS(mm_provision(handle, text, &reply), MM_ARGUMENT, "bytes long");
    CHECK(mm_export_new(text) == NULL);
    memset(text, '[', deep);
    memset(text + deep, ']', deep);
    text[2 * deep] = '\0';
    FAILS(mm_provision(handle, text, &reply), MM_ARGUMENT, "not valid JSON");
    FAILS(mm_call(handle, "get_user", text, &reply), MM_ARGUMENT, "not valid JSON");
    CHECK(mm_export_new(text) == NULL);
    free(text);
}

int main(void)
{
    handle = mm_export_new(OFFLINE_CONFIG);
    CHECK(handle != NULL);
    RUN(versions_are_those_of_the_header);
    RUN(nothing_to_free_is_fine);
    RUN(no_configuration_makes_no_handle);
    RUN(each_null_of_each_hook_is_named);
    RUN(each_null_of_a_call_is_named);
    RUN(each_null_of_a_task_is_named);
    RUN(a_request_that_cannot_be_carried_out_is_refused);
    RUN(huge_and_deep_documents_are_refused);
    mm_export_free(handle);
    END();
}
