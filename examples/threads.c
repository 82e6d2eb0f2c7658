/*
 * Provisions many mailboxes: eight threads share one handle and take one request after another.
 *
 *     threads CONFIG.json REQUEST.json...
 */
#include <magicmail.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 8

/* What the threads share. The handle needs no lock; the list of files does. */
struct work {
    const mm_export *handle;
    char **files;
    pthread_mutex_t lock;
    int failed;
};

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

/* Each thread has an error of its own, so that no other thread can overwrite it before it is shown. */
static int provision(const mm_export *handle, const char *path, char *request, size_t size)
{
    char *reply;
    if (!read_file(path, request, size))
        return 0;
    if (mm_provision(handle, request, &reply) != MM_OK) {
        fprintf(stderr, "%s: %s\n", path, mm_last_error());
        return 0;
    }
    printf("%s: %s\n", path, reply);
    mm_string_free(reply);
    return 1;
}

static void *run(void *argument)
{
    const size_t size = 65536;
    struct work *work = argument;
    char *request = malloc(size);
    for (;;) {
        const char *path;
        int done;
        pthread_mutex_lock(&work->lock);
        path = *work->files;
        if (path != NULL)
            work->files++;
        pthread_mutex_unlock(&work->lock);
        if (path == NULL)
            break;
        done = request != NULL && provision(work->handle, path, request, size);
        pthread_mutex_lock(&work->lock);
        work->failed += !done;
        pthread_mutex_unlock(&work->lock);
    }
    free(request);
    return NULL;
}

int main(int argc, char **argv)
{
    static char config[4096];
    struct work work = { NULL, NULL, PTHREAD_MUTEX_INITIALIZER, 0 };
    pthread_t threads[THREADS];
    mm_export *handle;
    int started = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: %s CONFIG.json REQUEST.json...\n", argv[0]);
        return 64;
    }
    if (!read_file(argv[1], config, sizeof config))
        return 66;
    handle = mm_export_new(config);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", mm_last_error());
        return 1;
    }
    work.handle = handle;
    work.files = argv + 2;
    while (started < THREADS && pthread_create(&threads[started], NULL, run, &work) == 0)
        started++;
    if (started == 0)
        run(&work);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    mm_export_free(handle);
    return work.failed == 0 ? 0 : 1;
}
