/*
 * Calls one operation of the API and writes the library's log to standard error. With "debug": true in the
 * configuration, each request and its answer is logged.
 *
 *     logging CONFIG.json get_account '{"id": "FREESIDE42"}'
 */
#include <magicmail.h>
#include <stdio.h>

/* What the log function needs, and what it tells us: the library hands it through as `userdata`. */
struct log {
    FILE *file;
    const char *name;
    unsigned long warnings;
};

static const char *level_name(int32_t level)
{
    switch (level) {
    case MM_LOG_DEBUG:
        return "debug";
    case MM_LOG_INFO:
        return "info";
    case MM_LOG_WARNING:
        return "warning";
    default:
        return "error";
    }
}

static void write_line(void *userdata, int32_t level, const char *line)
{
    struct log *log = userdata;
    if (level >= MM_LOG_WARNING)
        log->warnings++;
    fprintf(log->file, "%s: %s: %s\n", log->name, level_name(level), line);
}

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

int main(int argc, char **argv)
{
    static char config[4096];
    struct log log = { NULL, "logging", 0 };
    mm_export *handle;
    char *reply;
    int32_t status;

    if (argc != 4) {
        fprintf(stderr, "usage: %s CONFIG.json OPERATION ARGUMENTS\n", argv[0]);
        return 64;
    }
    if (!read_file(argv[1], config, sizeof config))
        return 66;
    handle = mm_export_new(config);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", mm_last_error());
        return MM_CONFIGURATION;
    }
    log.file = stderr;
    mm_export_set_log(handle, write_line, &log);
    status = mm_call(handle, argv[2], argv[3], &reply);
    if (status == MM_OK)
        printf("%s\n", reply);
    else
        write_line(&log, MM_LOG_ERROR, mm_last_error());
    fprintf(stderr, "%s: %lu lines of warnings and errors\n", log.name, log.warnings);
    mm_string_free(reply);
    mm_export_free(handle);
    return status;
}
