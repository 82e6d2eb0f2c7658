/*
 * Shows what MagicMail has of one account: its record, its users, and the packages of each.
 *
 *     account CONFIG.json FREESIDE42
 */
#include <magicmail.h>
#include <stdio.h>
#include <string.h>

static int read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return 0;
    }
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    return 1;
}

/* One call of the API: its reply, to be freed, or NULL after the error was shown. */
static char *call(const mm_export *handle, const char *operation, const char *arguments)
{
    char *reply;
    if (mm_call(handle, operation, arguments, &reply) != MM_OK)
        fprintf(stderr, "%s\n", mm_last_error());
    return reply;
}

/* Finds the next key of the object that `*at` is inside of, quotes included: a JSON text as it stands. */
static const char *next_key(const char **at, int *length)
{
    const char *c;
    int depth = 0;
    for (c = *at; *c != '\0'; c++) {
        if (*c == '{' || *c == '[') {
            depth++;
        } else if (*c == '}' || *c == ']') {
            depth--;
        } else if (*c == '"') {
            const char *start = c++;
            while (*c != '"')
                c += *c == '\\' ? 2 : 1;
            if (depth == 0 && c[1] == ':') {
                *length = (int)(c + 1 - start);
                *at = c + 1;
                return start;
            }
        }
    }
    return NULL;
}

/* The packages of each user in `users`, the reply of get_users; returns whether all could be read. */
static int show_packages(const mm_export *handle, const char *users)
{
    char arguments[512];
    const char *at = users + 1, *name;
    int length, all = 1;
    while ((name = next_key(&at, &length)) != NULL) {
        char *packages;
        if (snprintf(arguments, sizeof arguments, "{\"user\": %.*s}", length, name) >= (int)sizeof arguments)
            return 0;
        packages = call(handle, "get_packages", arguments);
        all = all && packages != NULL;
        printf("packages of %.*s: %s\n", length, name, packages != NULL ? packages : "not known");
        mm_string_free(packages);
    }
    return all;
}

static int show_users(const mm_export *handle, const char *id)
{
    char arguments[512];
    char *users;
    int all = 0;
    snprintf(arguments, sizeof arguments, "{\"account\": \"%s\"}", id);
    users = call(handle, "get_users", arguments);
    if (users != NULL) {
        printf("users: %s\n", users);
        all = show_packages(handle, users);
    }
    mm_string_free(users);
    return all;
}

static int show_account(const mm_export *handle, const char *id)
{
    char arguments[512];
    char *account;
    int all = 0;
    snprintf(arguments, sizeof arguments, "{\"id\": \"%s\"}", id);
    account = call(handle, "get_account", arguments);
    if (account != NULL && strcmp(account, "null") == 0) {
        printf("account: there is none\n");
        all = 1;
    } else if (account != NULL) {
        printf("account: %s\n", account);
        all = show_users(handle, id);
    }
    mm_string_free(account);
    return all;
}

int main(int argc, char **argv)
{
    static char config[4096];
    mm_export *handle;
    int shown;

    if (argc != 3 || strpbrk(argv[2], "\"\\") != NULL || strlen(argv[2]) > 400) {
        fprintf(stderr, "usage: %s CONFIG.json ACCOUNT\n", argv[0]);
        return 64;
    }
    if (!read_file(argv[1], config, sizeof config))
        return 66;
    handle = mm_export_new(config);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", mm_last_error());
        return 1;
    }
    shown = show_account(handle, argv[2]);
    mm_export_free(handle);
    return shown ? 0 : 1;
}
