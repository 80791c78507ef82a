# A service as a shell script: how much room a disk has. Its model is disk.json; each line that comes in is a JSON object,
# and so is each that goes out.
#
# Run with `service_framework -s examples/services/ideas/commands/disk.json -a addresses/ideas/disk.json`.

field() { printf '%s\n' "$line" | sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

while read -r line; do
    call=$(field call)
    case $(field handler) in
    space)
        if free=$(df -Pk "$(field path)" 2>/dev/null | awk 'NR == 2 {print $4}') && [ -n "$free" ]; then
            echo "{\"reply\": $call, \"return_args\": {\"free_kib\": $free}}"
        else
            echo "{\"reply\": $call, \"error\": {\"code\": \"no_such_path\", \"message\": \"no disk has it\"}}"
        fi
        ;;
    '') ;;
    *) echo "{\"reply\": $call, \"return_args\": null}" ;; # init_function, stop
    esac
done
