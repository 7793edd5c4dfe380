/* Makes a filter with libseccomp from lines on stdin and writes its program to stdout; names that libseccomp does not
 * know go to stderr. Lines: "default ACTION", "arch TOKEN", "rule ACTION NAME COUNT [INDEX OP VALUE VALUETWO]...". */
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    scmp_filter_ctx filter = NULL;
    char word[16], name[128];
    uint32_t number;
    unsigned count;
    while (scanf("%15s", word) == 1) {
        if (!strcmp(word, "default") && scanf("%" SCNu32, &number) == 1) {
            filter = seccomp_init(number);
            if (!filter || seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) return 2;
        } else if (!strcmp(word, "arch") && scanf("%" SCNu32, &number) == 1) {
            int failed = seccomp_arch_add(filter, number);
            if (failed && failed != -EEXIST) return 3;
        } else if (!strcmp(word, "rule") && scanf("%" SCNu32 " %127s %u", &number, name, &count) == 3 && count <= 6) {
            struct scmp_arg_cmp args[6] = {0};
            for (unsigned i = 0; i < count; i++) {
                unsigned op;
                if (scanf("%u %u %" SCNu64 " %" SCNu64, &args[i].arg, &op, &args[i].datum_a, &args[i].datum_b) != 4) return 4;
                args[i].op = op;
            }
            int call = seccomp_syscall_resolve_name(name);
            if (call == __NR_SCMP_ERROR) {
                fprintf(stderr, "%s\n", name);
                continue;
            }
            int failed = seccomp_rule_add_array(filter, number, call, count, args);
            if (failed && failed != -EEXIST) return 5;
        } else return 6;
    }
    return seccomp_export_bpf(filter, STDOUT_FILENO) ? 7 : 0;
}
