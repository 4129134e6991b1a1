#!/bin/sh
# Docker's runtime where this machine gives a process less than containers ask for: runc, with such limits (ulimits) brought down to the machine's. Nobody
# here may raise them, and a container that asks for more would not start. Docker hands the container, or the process to add, over in a file.
set -eu

previous=
for word; do
    case $previous in
        --bundle) file=$word/config.json ;;
        --process) file=$word ;;
        *) previous=$word && continue ;;
    esac
    perl -i -pe '
        BEGIN {
            open(my $limits, "<", "/proc/self/limits") or die "limits: $!";
            my %named = ("open files" => "NOFILE", "locked memory" => "MEMLOCK", "processes" => "NPROC");
            while (<$limits>) { $most{$named{$1}} = $2 if /^Max ([a-z ]+?) {2,}\S+ +(\d+) / && $named{$1} }
        }
        s{\{"type":"RLIMIT_(\w+)","hard":(\d+),"soft":(\d+)\}}{
            my ($kind, $hard, $soft) = ($1, $2, $3);
            if (defined $most{$kind}) { $_ > $most{$kind} and $_ = $most{$kind} for $hard, $soft }
            qq({"type":"RLIMIT_$kind","hard":$hard,"soft":$soft})
        }ge' "$file"
    previous=$word
done
exec runc "$@"
