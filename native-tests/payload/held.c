// Programs that hold something which a checkpoint must be told about.
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Holds the lock of a file. */
static int hold(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0644);
    if (fd < 0 || flock(fd, LOCK_EX))
        return 1;
    for (;;)
        pause();
}

/* Sends numbers to a socket with a name. */
static int number(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    char text[16];
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    if (connect(fd, (struct sockaddr *)&to, sizeof to))
        return 1;
    for (int i = 1;; i++, usleep(20000))
        send(fd, text, sprintf(text, "%d", i), 0);
}

/* Prints what comes to a socket with a name. */
static int receive(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    char text[16];
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    strncpy(at.sun_path, path, sizeof at.sun_path - 1);
    if (bind(fd, (struct sockaddr *)&at, sizeof at))
        return 1;
    puts("ready");
    for (ssize_t length; fflush(stdout), (length = recv(fd, text, sizeof text, 0)) >= 0;)
        printf("%.*s\n", (int)length, text);
    return 1;
}

/* One process sends numbers over TCP, and another one writes what arrives to a file. */
static int wire(int port, const char *path)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int server = socket(AF_INET, SOCK_STREAM, 0), i;
    if (bind(server, (struct sockaddr *)&at, sizeof at) || listen(server, 1))
        return 1;
    if (!fork()) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(client, (struct sockaddr *)&at, sizeof at))
            return 1;
        for (i = 1; write(client, &i, sizeof i) == sizeof i; i++)
            usleep(20000);
        return 1;
    }
    int connection = accept(server, 0, 0);
    while (read(connection, &i, sizeof i) == sizeof i) {
        FILE *file = fopen(path, "w");
        fprintf(file, "%d\n", i);
        fclose(file);
    }
    return 1;
}

int main(int count, char **words)
{
    if (count == 3 && !strcmp(words[1], "hold"))
        return hold(words[2]);
    if (count == 3 && !strcmp(words[1], "number"))
        return number(words[2]);
    if (count == 3 && !strcmp(words[1], "receive"))
        return receive(words[2]);
    if (count == 4 && !strcmp(words[1], "wire"))
        return wire(atoi(words[2]), words[3]);
    return 2;
}
