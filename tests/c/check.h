/*
 * What the C tests share: checks that count, and the documents for the simulator.
 *
 * A test is a function without arguments; RUN gives it a line of output. `tests/c/run` counts those lines.
 */
#ifndef CHECK_H
#define CHECK_H

#include <magicmail.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failures;
static pthread_mutex_t check_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void check_failed(const char *file, int line, const char *condition)
{
    pthread_mutex_lock(&check_lock);
    check_failures++;
    printf("# %s:%d: %s; the last error is: %s\n", file, line, condition, mm_last_error());
    pthread_mutex_unlock(&check_lock);
}

/* May be used in any thread. */
#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

#define CHECK_SAYS(text, part) CHECK(strstr((text), (part)) != NULL)

#define RUN(test)                                                                                   \
    do {                                                                                            \
        const int before = check_failures;                                                          \
        test();                                                                                     \
        printf("%s %s\n", check_failures == before ? "ok" : "not ok", #test);                        \
        fflush(stdout);                                                                             \
    } while (0)

#define END() return check_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE

#define PASSWORD "Tr0ub4dor&3"
/* The same in tests/c/run. */
#define CLIENT_PASSWORD "k3y-0f-the-c1ient"

/* A configuration for the simulator that `tests/c/run` started; `more` are further keys: ", \"debug\": 1". */
static inline const char *simulator_config(const char *more)
{
    static char config[1024];
    const char *port = getenv("MAGICMAIL_TEST_PORT"), *ca_file = getenv("MAGICMAIL_TEST_CA");
    if (port == NULL || ca_file == NULL) {
        printf("# no simulator: this program is started by tests/c/run\n");
        exit(EXIT_FAILURE);
    }
    snprintf(config, sizeof config,
             "{\"machine\": \"127.0.0.1\", \"port\": %s, \"ca_file\": \"%s\", \"timeout\": 60,"
             " \"client_id\": \"freeside\", \"client_password\": \"" CLIENT_PASSWORD "\"%s}",
             port, ca_file, more);
    return config;
}

/* A configuration of a server that is never asked. */
#define OFFLINE_CONFIG \
    "{\"machine\": \"mail.invalid\", \"client_id\": \"freeside\", \"client_password\": \"" CLIENT_PASSWORD "\"}"

/* A hook's request for one service of customer `customer`; `more` are further keys of the request. */
static inline const char *request_of(char *text, size_t size, int customer, const char *username,
                                     const char *finger, const char *more)
{
    snprintf(text, size,
             "{\"account\": {\"id\": \"FREESIDE%d\", \"first_name\": \"Ann\", \"last_name\": \"Lee\"},"
             " \"service\": {\"svcnum\": %d, \"username\": \"%s\", \"domain\": \"example.net\","
             " \"finger\": \"%s\", \"password\": \"" PASSWORD "\", \"password_encoding\": \"plain\","
             " \"package\": \"EMAIL\"}%s}",
             customer, customer + 1000, username, finger, more);
    return text;
}

#endif
