#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "usage: load MODE --port PORT [OPTION VALUE]...\n"
    "\n"
    "  echo     each connection keeps messages in flight, and counts what comes back\n"
    "  fanout   the first connection publishes; every message must reach every connection\n"
    "  connect  open, handshake, closing handshake, and again; counts handshakes\n"
    "  idle     opens connections and holds them; memory of the server for each of them\n"
    "\n"
    "  --port PORT             of the server, on 127.0.0.1\n"
    "  --path PATH             what the handshake asks for (/)\n"
    "  --connections NUMBER    (1)\n"
    "  --stalled NUMBER        fanout: so many more that never read (0)\n"
    "  --bytes NUMBER          of one message's payload (32)\n"
    "  --depth NUMBER          messages in flight, for each connection that sends (1)\n"
    "  --rate PER_SECOND       echo: send at this rate whatever comes back; latency counts from\n"
    "                          the time when a message was due\n"
    "  --warm SECONDS          before the measurement (0.5)\n"
    "  --seconds SECONDS       of the measurement (1.5)\n"
    "  --open-seconds SECONDS  for opening all connections, at most (30)\n"
    "  --server PID            whose CPU time and memory to report\n"
    "  --tls yes               speak TLS; the certificate is not checked\n"
    "  --extensions TEXT       value of Sec-WebSocket-Extensions; the server must agree to it\n"
    "  --frame FILE            send this masked frame, header included, instead of --bytes\n"
    "  --answer FILE           write the payload of the first answer there, as it came\n";

static void refuse(const char *what, const char *value)
{
    fprintf(stderr, "load: %s: %s\n\n%s", what, value, USAGE);
    exit(2);
}

static double number(const char *name, const char *text, double least, double most)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || value < least || value > most)
        refuse(name, text);
    return value;
}

static enum mode mode_named(const char *name)
{
    static const char *const NAMES[] = {"echo", "fanout", "connect", "idle"};
    for (int mode = 0; mode < 4; mode++)
        if (strcmp(name, NAMES[mode]) == 0)
            return (enum mode)mode;
    refuse("no such mode", name);
    return MODE_ECHO;
}

static void set(struct options *options, const char *name, const char *value)
{
    const double any = 1e9;
    if (strcmp(name, "--port") == 0)
        options->port = (int)number(name, value, 1, 65535);
    else if (strcmp(name, "--path") == 0)
        options->path = value;
    else if (strcmp(name, "--connections") == 0)
        options->connections = (int)number(name, value, 1, 1e6);
    else if (strcmp(name, "--stalled") == 0)
        options->stalled = (int)number(name, value, 0, 1e6);
    else if (strcmp(name, "--bytes") == 0)
        options->message_bytes = (size_t)number(name, value, 1, any);
    else if (strcmp(name, "--depth") == 0)
        options->depth = (int)number(name, value, 1, 1e5);
    else if (strcmp(name, "--rate") == 0)
        options->rate = number(name, value, 1, any);
    else if (strcmp(name, "--warm") == 0)
        options->warm_seconds = number(name, value, 0, 3600);
    else if (strcmp(name, "--seconds") == 0)
        options->seconds = number(name, value, 0.01, 3600);
    else if (strcmp(name, "--open-seconds") == 0)
        options->open_seconds = number(name, value, 0.01, 3600);
    else if (strcmp(name, "--server") == 0)
        options->server = (int)number(name, value, 1, any);
    else if (strcmp(name, "--tls") == 0)
        options->is_tls = strcmp(value, "yes") == 0;
    else if (strcmp(name, "--extensions") == 0)
        options->extensions = value;
    else if (strcmp(name, "--frame") == 0)
        options->frame_file = value;
    else if (strcmp(name, "--answer") == 0)
        options->answer_file = value;
    else
        refuse("no such option", name);
}

struct options parse_options(int count, char **arguments)
{
    struct options options = {
        .path = "/",
        .connections = 1,
        .message_bytes = 32,
        .depth = 1,
        .warm_seconds = 0.5,
        .seconds = 1.5,
        .open_seconds = 30,
    };
    if (count < 2)
        refuse("no mode", "expected one");
    options.mode_name = arguments[1];
    options.mode = mode_named(arguments[1]);
    for (int place = 2; place < count; place += 2) {
        if (place + 1 == count)
            refuse("an option without a value", arguments[place]);
        set(&options, arguments[place], arguments[place + 1]);
    }
    if (options.port == 0)
        refuse("--port", "is needed");
    if (options.rate > 0 && options.mode != MODE_ECHO)
        refuse("--rate", "is for echo only");
    if (options.stalled > 0 && options.mode != MODE_FANOUT)
        refuse("--stalled", "is for fanout only");
    return options;
}
