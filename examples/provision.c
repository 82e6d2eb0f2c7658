/* Provisions one mailbox: provision CONFIG.json REQUEST.json */
#include <magicmail.h>
#include <stdio.h>

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
    static char config[4096], request[65536];
    mm_export *handle;
    char *reply;
    int32_t status;

    if (argc != 3) {
        fprintf(stderr, "usage: %s CONFIG.json REQUEST.json\n", argv[0]);
        return 64;
    }
    if (!read_file(argv[1], config, sizeof config) || !read_file(argv[2], request, sizeof request))
        return 66;

    handle = mm_export_new(config);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", mm_last_error());
        return MM_CONFIGURATION;
    }
    status = mm_provision(handle, request, &reply);
    if (status == MM_OK)
        printf("%s\n", reply);
    else
        fprintf(stderr, "%s\n%s\n", mm_last_error(), mm_last_error_detail());
    mm_string_free(reply);
    mm_export_free(handle);
    return status;
}
