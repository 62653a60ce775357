#!/bin/sh
# The entrypoint of every image that flink-img builds. Plain POSIX shell: /bin/sh may be dash, BusyBox or bash.
#
# What it promises:
# - It ends in `exec`, so that the JVM is process 1 and gets the signals.
# - It writes nothing below FLINK_HOME that may be read-only: a changed configuration lives in a private folder below
#   TMPDIR, and FLINK_CONF_DIR points there. Plugins go the same way when plugins/ is read-only.
# - It needs no passwd entry, no JVM and nothing besides awk and the usual file tools.
# - It never prints a value of the configuration and never puts one on a command line: both can be read by others.
#
# `help` does nothing else. A foreign command gets the plugins and jemalloc (native Kubernetes starts Flink through
# `bash -c "kubernetes-jobmanager.sh ..."`) but no configuration: there conf/ is a ConfigMap that Flink itself wrote.
set -eu

FLINK_HOME=${FLINK_HOME:-/opt/flink}
scratch=

usage() {
    cat <<'END'
Usage: docker-entrypoint.sh COMMAND [ARGUMENT...]

Commands:
  job-cluster, standalone-job      Run the job of this image: a job manager for this one job
  task-manager, taskmanager        Run a task manager
  jobmanager                       Run the job manager of a session cluster
  history-server, historyserver    Run the history server
  help, --help, -h                 Print this help
  anything else                    Is executed as it is

Variables:
  JOB_MANAGER_RPC_ADDRESS              Sets jobmanager.rpc.address; default: the name of this host
  TASK_MANAGER_NUMBER_OF_TASK_SLOTS    Sets taskmanager.numberOfTaskSlots
  FLINK_PROPERTIES                     Lines of `key: value` to put over the configuration
  ENABLE_BUILT_IN_PLUGINS              Jars of opt/ to use as plugins, separated by `;`
  DISABLE_JEMALLOC                     `true` keeps the allocator of the base image
END
}

die() {
    echo "error: $1" >&2
    exit 1
}

# Sets `scratch`, the private folder for everything that this script writes. Made once, and only when needed.
need_scratch() {
    [ -z "$scratch" ] || return 0
    scratch=$(umask 077 && mktemp -d "${TMPDIR:-/tmp}/flink-img.XXXXXX" 2>/dev/null) ||
        die "Cannot make a folder in \`${TMPDIR:-/tmp}\`, mount a writable volume there or set TMPDIR"
}

# `test -w` does not know read-only mounts in every shell when root asks, so try.
can_write() {
    (: >"$1/.flink-img.$$" && rm -f "$1/.flink-img.$$") 2>/dev/null
}

# The Temurin images import certificates in an entrypoint of their own, which this one took the place of.
import_certificates() {
    if [ -n "${USE_SYSTEM_CA_CERTS:-}" ] && [ -z "${FLINK_IMG_CERTIFICATES:-}" ] && [ -x /__cacert_entrypoint.sh ]; then
        export FLINK_IMG_CERTIFICATES=imported
        exec /__cacert_entrypoint.sh "$0" "$@"
    fi
}

# Calls "$1 NAME" for each jar in ENABLE_BUILT_IN_PLUGINS.
each_plugin() {
    (
        set -f
        IFS=';'
        for jar in $ENABLE_BUILT_IN_PLUGINS; do
            jar=${jar#"${jar%%[! ]*}"}
            jar=${jar%"${jar##*[! ]}"}
            [ -z "$jar" ] || (set +f && unset IFS && "$1" "$jar") || exit 1
        done
    )
}

check_plugin() {
    case $1 in
    */* | . | ..) die "Built-in plugin \`$1\` must be the plain name of a jar in \`$opt\`" ;;
    esac
    [ -f "$opt/$1" ] || die "Built-in plugin \`$1\` does not exist in \`$opt\`"
}

plugin_is_linked() {
    [ -e "$plugins/${1%.jar}/$1" ]
}

link_plugin() {
    mkdir -p "$plugins/${1%.jar}" && ln -sf "$opt/$1" "$plugins/${1%.jar}/$1"
}

enable_plugins() {
    [ -n "${ENABLE_BUILT_IN_PLUGINS:-}" ] || return 0
    opt=${FLINK_OPT_DIR:-$FLINK_HOME/opt}
    plugins=${FLINK_PLUGINS_DIR:-$FLINK_HOME/plugins}
    # All names first, so that a wrong one leaves nothing half-made.
    each_plugin check_plugin || exit 1
    if each_plugin plugin_is_linked; then return 0; fi

    if ! can_write "$plugins"; then
        # The folders are made anew, since one of them may be about to get a jar; what is inside is linked.
        need_scratch
        mkdir "$scratch/plugins"
        for folder in "$plugins"/*/; do
            [ -d "$folder" ] || continue
            copy=$scratch/plugins/$(basename "$folder")
            mkdir "$copy"
            for entry in "$folder"*; do
                [ ! -e "$entry" ] || ln -s "$entry" "$copy/"
            done
        done
        plugins=$scratch/plugins
        export FLINK_PLUGINS_DIR="$plugins"
    fi
    each_plugin link_plugin || die "Cannot link built-in plugins into \`$plugins\`"
}

# glibc's allocator fragments under RocksDB (FLINK-19125). Only Debian's folders: there the library fits the C library.
preload_jemalloc() {
    [ "${DISABLE_JEMALLOC:-false}" = false ] || return 0
    case ${LD_PRELOAD:-} in *libjemalloc*) return 0 ;; esac
    for library in "/usr/lib/$(uname -m)-linux-gnu/libjemalloc.so" "/usr/lib/$(uname -m)-linux-gnu/libjemalloc.so.2"; do
        if [ -e "$library" ]; then
            export LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$library"
            return 0
        fi
    done
    # Silent by default, since not every base has it; but who asked for it by name shall know.
    [ -z "${DISABLE_JEMALLOC:-}" ] || echo "warning: jemalloc is not in this image, using the default allocator" >&2
}

host_name() {
    # shellcheck disable=SC3028 # not the shell's own, container runtimes set it
    hostname -f 2>/dev/null || hostname 2>/dev/null || uname -n 2>/dev/null || echo "${HOSTNAME:-}"
}

# Merges settings into the configuration on stdin without a YAML library and without a JVM. It walks over the keys and
# their values by indentation and writes every key dotted on a line of its own: then a setting takes the place of a value
# however it was written (nested, dotted, a list over many lines), and no key comes twice, which Flink takes for an error.
# Ends with 3 when the file is good as it stands. For mawk, gawk and BusyBox awk.
# shellcheck disable=SC2016
merge_program='
function trim(s) { sub(/^[ \t\r]+/, "", s); sub(/[ \t\r]+$/, "", s); return s }
function replace(s, old, new,   out, at) {
    for (out = ""; (at = index(s, old)) > 0; s = substr(s, at + length(old))) out = out substr(s, 1, at - 1) new
    return out s
}
function warn(text) { print "warning: " text | "cat >&2" }  # not every uid may open /dev/stderr

function escaped(s) {
    s = replace(replace(s, "\\", "\\\\"), "\"", "\\\"")
    return replace(replace(replace(s, "\n", "\\n"), "\r", "\\r"), "\t", "\\t")
}
function quoted(s) { return s ~ /[\001-\037\177]/ ? "\"" escaped(s) "\"" : Q replace(s, Q, Q Q) Q }

# A text as a YAML scalar: bare when YAML 1.2 reads the very same text back, else quoted.
function scalar(s) {
    if (s ~ /^(true|false|0|-?[1-9][0-9]*|-?(0|[1-9][0-9]?[0-9]?)\.[0-9]?[0-9]?[1-9])$/) return s
    if (s ~ /^([Tt]rue|TRUE|[Ff]alse|FALSE|[Nn]ull|NULL|0x[0-9A-Fa-f]+|0o[0-7]+)$/) return quoted(s)
    if (s ~ /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/ || s ~ /^[-+]?\.[A-Za-z]+$/) return quoted(s)
    if (s !~ /^[A-Za-z0-9_\/.$(+-][A-Za-z0-9_\/.$()+=,:;@%&*?!~ -]*$/ || s ~ /\\|: |:$|^- |^-+$/) return quoted(s)
    return s
}

# Puts the environment in for $NAME and ${NAME}: once, with no shell, as envsubst does.
function expand(s, in_double_quotes,   out, name, text) {
    for (out = ""; match(s, /\$([A-Za-z_][A-Za-z0-9_]*|[{][A-Za-z_][A-Za-z0-9_]*[}])/); s = substr(s, RSTART + RLENGTH)) {
        name = substr(s, RSTART + 1, RLENGTH - 1)
        gsub(/[{}]/, "", name)
        text = name in ENVIRON ? ENVIRON[name] : ""
        out = out substr(s, 1, RSTART - 1) (in_double_quotes ? escaped(text) : text)
    }
    return out s
}

# Follows quotes and brackets; while `quote` or `depth` is set, the value goes on in the next line.
function scan(s,   i, c, before) {
    before = " "
    for (i = 1; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (quote == "\"" && c == "\\") i++
        else if (quote != "") { if (c == quote) quote = "" }
        else if ((c == Q || c == "\"") && index(" [{,:" Q, before)) quote = c
        else if (c == "#" && before == " ") return
        else if (index("[{", c)) depth++
        else if (index("]}", c) && --depth == 0 && !closed) closed = i
        before = c
    }
}
function is_flow(s) {
    quote = ""; depth = closed = 0
    if (s ~ /^[[{]/ && s !~ /[[{, ][*&!@%|>`]/) scan(s)
    return closed > 0 && closed == length(s) && quote == "" && depth == 0
}

# A value of FLINK_PROPERTIES for config.yaml: quotes and flow lists that the user wrote are kept.
function as_yaml(s) {
    if (s ~ /^\047([^\047]|\047\047)*\047$/) return quoted(expand(replace(substr(s, 2, length(s) - 2), Q Q, Q)))
    if (s ~ /^"([^"\\]|\\["\\\/0abtnvfre ]|\\u[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f])*"$/) return expand(s, 1)
    return is_flow(s) ? expand(s) : scalar(expand(s))
}
# The same for flink-conf.yaml, which is no YAML: the value is the rest of the line, up to a `#`.
function as_legacy(key, s) {
    if (s ~ /[#\n\r]/) warn("flink-conf.yaml cannot hold a `#` or a line break, Flink will cut the value of `" key "`")
    gsub(/[\n\r]/, " ", s)
    return s
}

function put(key, text) {
    if (!(key in value_of)) order[++keys] = key
    value_of[key] = text
}
function set(key, text) { put(key, text); chosen[key] = changed = 1 }
function set_default(key, text, instead_of,   k) {
    if (text == "" || key in chosen || (key in value_of && text_of(value_of[key]) != instead_of)) return
    for (k in value_of) if (index(key, k ".") == 1 && value_of[k] ~ /^[{]/) return  # may be inside that map
    set(key, legacy ? text : scalar(text))
}
function read_properties(text,   line, n, i, at, key) {
    n = split(text, line, "\n")
    for (i = 1; i <= n; i++) {
        text = trim(line[i])
        if (text == "" || text ~ /^#/) continue
        at = index(text, ":")
        key = trim(substr(text, 1, at - 1))
        text = trim(substr(text, at + 1))
        if (key !~ /^[A-Za-z0-9_.\/][^] \t\047"#[{},&*!|>%@`]*$/)
            warn("Line " i " of FLINK_PROPERTIES is not `key: value`, skipping it")
        else set(key, legacy ? as_legacy(key, expand(text)) : text == "" ? Q Q : as_yaml(text))
    }
}

function is_content(s) { return s !~ /^[ \t]*(#|$)/ }
function is_item(s) { return s ~ /^ *-( |$)/ }
function indent_of(s) { match(s, /^ */); return RLENGTH }
# Splits a line into `key` and `value`; false when it does not begin with a key.
function is_key(s,   q) {
    s = substr(s, indent_of(s) + 1)
    if (s ~ /^([-?]( |$)|[#%&*!|>@`[{]|---)/) return 0
    q = substr(s, 1, 1)
    if (q != Q && q != "\"") q = ""
    if (!match(s, q == "" ? ":( |$)" : "^" q "[^" q "]*" q " *:( |$)")) return 0
    key = trim(substr(s, 1, q == "" ? RSTART - 1 : index(substr(s, 2), q) + 1))
    if (q != "") key = substr(key, 2, length(key) - 2)
    value = trim(substr(s, RSTART + RLENGTH))
    if (value ~ /^#/) value = ""
    return 1
}
# The last line of `value`, which begins in line i.
function end_of_value(i, indent,   end, is_list) {
    end = i
    if (value ~ /^[[{\047"]/) {
        quote = ""; depth = 0
        for (scan(value); (quote != "" || depth > 0) && end < NR; scan(line_at[end])) end++
        return end
    }
    while (++i <= NR) {
        if (value ~ /^[|>]/ ? line_at[i] ~ /^ *$/ : !is_content(line_at[i])) continue
        if (end == start && value == "") is_list = is_item(line_at[i])
        if (indent_of(line_at[i]) < indent + !(is_list && is_item(line_at[i]))) break
        end = i
    }
    return end
}
function text_of(s) {
    if (s ~ /^[\047"]/) return substr(s, 2, index(substr(s, 2), substr(s, 1, 1)) - 1)
    sub(/[ \t]#.*$/, "", s)
    return trim(s)
}
function read_yaml(   indent, path, text, next_content, end, top, indents, paths) {
    for (start = 1; start <= NR; start++) {
        if (!is_content(line_at[start]) || line_at[start] ~ /^(%.*|---.*|\.\.\.|[{] *[}]) *$/) continue
        if (!is_key(line_at[start])) { unread = start; return }
        indent = indent_of(line_at[start])
        while (top > 0 && indents[top] >= indent) top--
        path = (top > 0 ? paths[top] "." : "") key
        text = value
        for (next_content = start + 1; next_content <= NR && !is_content(line_at[next_content]);) next_content++
        if (text == "" && next_content <= NR && indent_of(line_at[next_content]) > indent && is_key(line_at[next_content])) {
            indents[++top] = indent; paths[top] = path
            continue
        }
        for (end = end_of_value(start, indent); start < end;) text = text "\n" line_at[++start]
        put(path, text)
    }
}
function read_legacy(   i, s, at) {
    for (i = 1; i <= NR; i++) {
        s = line_at[i]
        sub(/#.*/, "", s)
        at = index(s, ": ")
        if (at > 0 && trim(substr(s, at + 2)) != "") put(trim(substr(s, 1, at - 1)), trim(substr(s, at + 2)))
    }
}

{ sub(/\r$/, ""); line_at[NR] = $0 }
END {
    Q = "\047"
    legacy = ENVIRON["flink_img_file"] == "flink-conf.yaml"
    if (legacy) read_legacy(); else read_yaml()
    if (unread) {
        print "error: Line " unread " of config.yaml is not understood, cannot merge settings into it" | "cat >&2"
        exit 1
    }
    if ((text = ENVIRON["JOB_MANAGER_RPC_ADDRESS"]) != "") set("jobmanager.rpc.address", legacy ? text : scalar(text))
    if ((text = ENVIRON["TASK_MANAGER_NUMBER_OF_TASK_SLOTS"]) != "") set("taskmanager.numberOfTaskSlots", legacy ? text : scalar(text))
    read_properties(ENVIRON["FLINK_PROPERTIES"])
    set_default("jobmanager.rpc.address", ENVIRON["flink_img_host"], "localhost")
    set_default("blob.server.port", ENVIRON["flink_img_blob_port"])
    set_default("env.log.dir", ENVIRON["flink_img_log"])
    for (i = 1; i <= keys; i++) {
        key = order[i]; text = value_of[key]
        print (legacy || key ~ /^[A-Za-z0-9_.\/$-]+$/ ? key : quoted(key)) ":" (text ~ /^\n|^$/ ? "" : " ") text
    }
    exit changed ? 0 : 3
}'

# $1: the script of Flink that will run.
prepare_configuration() {
    conf=${FLINK_CONF_DIR:-$FLINK_HOME/conf}
    flink_img_host='' flink_img_blob_port='' flink_img_log=''
    if [ "$1" != historyserver ]; then
        # What users of the official image rely on. As defaults they give way to the configuration, only `localhost`,
        # which the distribution comes with, gives way to the name of the host.
        [ -n "${JOB_MANAGER_RPC_ADDRESS:-}" ] || flink_img_host=$(host_name)
        flink_img_blob_port=6124
    fi
    # Not as FLINK_LOG_DIR, which would win over an env.log.dir of the user.
    if [ -z "${FLINK_LOG_DIR:-}" ] && ! can_write "$FLINK_HOME/log"; then
        need_scratch
        mkdir "$scratch/log"
        flink_img_log=$scratch/log
    fi

    # Flink 1.19 and 1.20 know both files and prefer the old one; before there is only the old one, after only the new.
    flink_img_file=config.yaml
    if [ -e "$conf/flink-conf.yaml" ]; then
        if [ ! -e "$conf/config.yaml" ] ||
            grep -qs 'flink-conf\.yaml' "$FLINK_HOME/bin/config.sh" "$FLINK_HOME/bin/bash-java-utils.sh"; then
            flink_img_file=flink-conf.yaml
        fi
    fi
    [ -r "$conf/$flink_img_file" ] || die "Cannot read \`$conf/$flink_img_file\`"
    command -v awk >/dev/null || die "This image has no awk, which is needed to merge settings into the configuration"

    status=0
    merged=$(
        export flink_img_file flink_img_host flink_img_blob_port flink_img_log
        LC_ALL=C awk "$merge_program" <"$conf/$flink_img_file"
    ) || status=$?
    case $status in
    0) ;;
    3) return 0 ;;
    *) die "Cannot merge settings into \`$conf/$flink_img_file\`" ;;
    esac

    need_scratch
    mkdir "$scratch/conf"
    conf=$(cd "$conf" && pwd)
    # Links, so that a log4j file in a ConfigMap can still be changed under the running Flink.
    for entry in "$conf"/*; do
        [ "$entry" = "$conf/$flink_img_file" ] || [ ! -e "$entry" ] || ln -s "$entry" "$scratch/conf/"
    done
    (umask 077 && printf '%s\n' "$merged" >"$scratch/conf/$flink_img_file") || die "Cannot write to \`$scratch\`"
    unset merged
    export FLINK_CONF_DIR="$scratch/conf"
}

command=${1-help}
case $command in
help | --help | -h)
    usage
    exit 0
    ;;
esac

import_certificates "$@"
enable_plugins

case $command in
job-cluster | standalone-job) script=standalone-job ;;
task-manager | taskmanager) script=taskmanager ;;
jobmanager) script=jobmanager ;;
history-server | historyserver) script=historyserver ;;
*)
    preload_jemalloc
    exec "$@"
    ;;
esac

shift
[ "$(id -u)" != 0 ] || echo "warning: Running as root, which Flink does not need; set the user to 9999 or any other" >&2
prepare_configuration "$script"
preload_jemalloc
exec "$FLINK_HOME/bin/$script.sh" start-foreground "$@"
