/* What the command line says. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum mode { MODE_ECHO, MODE_FANOUT, MODE_CONNECT, MODE_IDLE };

struct options {
    enum mode mode;
    const char *mode_name;
    int port;
    const char *path;
    int connections;
    int stalled;
    size_t message_bytes;
    int depth;
    double rate;
    double warm_seconds;
    double seconds;
    double open_seconds;
    int server;
    bool is_tls;
    const char *extensions;
    const char *frame_file;
    const char *answer_file;
};

/* Ends the program with status 2 when the arguments make no sense. */
struct options parse_options(int count, char **arguments);
