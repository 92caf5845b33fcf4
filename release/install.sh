#!/bin/sh
# Installs hakiri for the user who runs it, upgrades it, and removes it again: `sh install.sh --help`.
#
# For any POSIX shell. Up to the last line there are definitions alone, and the last line is carried out only when it
# is there to its end: a script that arrives cut short does nothing.
#
# shellcheck disable=SC2317 # Functions that are called by a name in a variable, or by a trap.

usage() {
  cat <<'END'
USAGE
  sh install.sh [--profile core|full] [--from FOLDER|URL] [--to FOLDER] [--version V] [--allow-downgrade] [--force]
  sh install.sh --uninstall [--profile core|full]
  sh install.sh --help

Installs hakiri for you alone, or upgrades it; no root is needed. The checksum is verified before anything is replaced.

FLAGS
  --profile          full: the program hakiri (as a rule); core: hakiri-core, which is smaller
  --from             Folder or https URL with a release: SHA256SUMS and the programs; or with a folder for each version
                     (as a rule the folder of this script)
  --to               Folder to install to (as a rule where it was installed before, or ~/.local/bin)
  --version          Install this version and no other
  --allow-downgrade  Install a version older than the one that is installed
  --force            Replace a file that this script did not install, or a program by one that does not start here
  --uninstall        Remove what this script installed, and the cache; what you made with hakiri stays
  --help             Print this

What was installed is recorded in ~/.local/share/hakiri (XDG_DATA_HOME).
END
}

# Nobody has to listen to the end.
say() { printf '%s\n' "$1" 2>/dev/null || :; }

warn() { printf 'warning: %s\n' "$1" >&2 || :; }

# Ends with the message $1, the hint $2, and the exit code $3 or 1.
fail() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2-}" ] || printf 'hint: %s\n' "$2" >&2
  exit "${3:-1}"
}

fail_usage() { fail "$1" 'sh install.sh --help' 2; }

has() { command -v "$1" >/dev/null 2>&1; }

exists() { [ -e "$1" ] || [ -h "$1" ]; }

# --- What is asked for -----------------------------------------------------------------------------------------------

read_arguments() {
  action=install profile='' from='' to='' version='' force='' allow_downgrade=''
  while [ $# -gt 0 ]; do
    case $1 in
      --profile | --from | --to | --version)
        [ -n "${2-}" ] || fail_usage "$1 wants a value"
        case $1 in
          --profile) profile=$2 ;;
          --from) from=$2 ;;
          --to) to=$2 ;;
          --version) version=${2#v} ;;
        esac
        shift 2
        ;;
      --profile=* | --from=* | --to=* | --version=*)
        argument=$1
        shift
        set -- "${argument%%=*}" "${argument#*=}" "$@"
        ;;
      --allow-downgrade) allow_downgrade=yes && shift ;;
      --force) force=yes && shift ;;
      --uninstall) action=uninstall && shift ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) fail_usage "there is no $1" ;;
    esac
  done
  case $profile in
    '' | core | full) ;;
    *) fail_usage "there are the profiles core and full, and no $profile" ;;
  esac
  [ -z "$version" ] || is_version "$version" || fail_usage "$version is not a version"
  if [ "$action" = uninstall ] && [ -n "$from$to$version$force$allow_downgrade" ]; then
    fail_usage 'with --uninstall there is only --profile'
  fi
}

# Folders in variables are taken only where they are absolute, as the XDG specification has it.
absolute_or() {
  case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s\n' "$2" ;;
  esac
}

choose_folders() {
  home=$(absolute_or "${HOME-}" '')
  data=$(absolute_or "${XDG_DATA_HOME-}" "${home:+${home%/}/.local/share}")
  [ -n "$data" ] || fail 'there is no home: HOME is not set' 'Set HOME to your folder.'
  data=${data%/}/hakiri
  case $to in '' | /*) ;; *) to=$PWD/$to ;; esac
  record=$data/install
  script=$data/install.sh
  case $data$to$from in
    *'
'*) fail 'a folder has a line break in its name' ;;
  esac
}

find_platform() {
  system=$(uname -s) machine=$(uname -m)
  case $system/$machine in
    Linux/x86_64 | Linux/amd64) platform=linux-x64 ;;
    Linux/aarch64 | Linux/arm64) platform=linux-arm64 ;;
    *) fail "this script does not install on $system on $machine" 'It installs on Linux on x86-64 (linux-x64).' ;;
  esac
}

# --- Checksums -------------------------------------------------------------------------------------------------------

# Prints the SHA-256 of the file $1.
sha256() {
  if has sha256sum; then
    sum=$(sha256sum <"$1")
  elif has shasum; then
    sum=$(shasum -a 256 <"$1")
  elif has openssl; then
    sum=$(openssl dgst -sha256 -r <"$1")
  elif has busybox; then
    sum=$(busybox sha256sum <"$1")
  else
    fail 'checksums cannot be verified here' 'Install one of sha256sum (coreutils), shasum, openssl, busybox.'
  fi
  sum=${sum%% *}
  is_sum "$sum" || fail "the checksum of $1 cannot be had"
  printf '%s\n' "$sum"
}

is_sum() {
  case $1 in
    *[!0-9a-f]*) return 1 ;;
  esac
  [ ${#1} -eq 64 ]
}

# Prints the checksum that SHA256SUMS in the folder $1 has for the file $2.
expected_sum() {
  while read -r sum file; do
    [ "${file#\*}" != "$2" ] || break
    sum=''
  done <"$1/SHA256SUMS"
  is_sum "$sum" || fail "SHA256SUMS of $from has no checksum of $2" 'Nothing was installed.'
  printf '%s\n' "$sum"
}

# --- Versions, in the order of semver.org ----------------------------------------------------------------------------

is_version() {
  case $1 in
    [!0-9]* | *[!0-9A-Za-z.+-]* | '') return 1 ;;
  esac
}

# Whether the version $1 comes before $2. What follows a plus does not count.
is_older() {
  one=${1%%+*} other=${2%%+*}
  one_pre='' other_pre=''
  case $one in *-*) one_pre=${one#*-} one=${one%%-*} ;; esac
  case $other in *-*) other_pre=${other#*-} other=${other%%-*} ;; esac
  compare_dotted "$one" "$other"
  if [ "$order" = same ]; then
    case ${one_pre:+pre}/${other_pre:+pre} in
      pre/) order=older ;;
      /pre) order=newer ;;
      pre/pre) compare_dotted "$one_pre" "$other_pre" ;;
    esac
  fi
  [ "$order" = older ]
}

# Compares what stands between the dots, from the left; the shorter comes first. Sets order: older, same or newer.
compare_dotted() {
  left=$1. right=$2. order=same
  while [ "$order" = same ] && [ -n "$left$right" ]; do
    if [ -z "$left" ]; then
      order=older
    elif [ -z "$right" ]; then
      order=newer
    else
      compare_parts "${left%%.*}" "${right%%.*}"
    fi
    left=${left#*.} right=${right#*.}
  done
}

compare_parts() {
  [ "$1" != "$2" ] || return 0
  case $1 in *[!0-9]* | '') one_kind=word ;; *) one_kind=number ;; esac
  case $2 in *[!0-9]* | '') other_kind=word ;; *) other_kind=number ;; esac
  order=newer
  case $one_kind/$other_kind in
    number/word) order=older ;;
    word/number) ;;
    # Of two numbers the one with fewer digits is the smaller, however long they are.
    number/number)
      if [ ${#1} -eq ${#2} ]; then
        comes_first "$1" "$2"
      elif [ ${#1} -lt ${#2} ]; then
        order=older
      fi
      ;;
    word/word) comes_first "$1" "$2" ;;
  esac
}

comes_first() { if LC_ALL=C expr "x$1" \< "x$2" >/dev/null; then order=older; fi; }

# --- The record of what was installed --------------------------------------------------------------------------------

# A line a file: SHA256 VERSION BUILD PROFILE TIME PATH. While a file is replaced it has two, and the one with its
# checksum counts: killed at any moment, what lies there is on record.
RECORD_HEADER='hakiri-install 1'

check_record() {
  [ -f "$record" ] || return 0
  read -r header <"$record" || header=''
  [ "$header" = "$RECORD_HEADER" ] || fail "$record was not written by this version of install.sh" \
    'Take the install.sh of the newer release.'
}

# Prints the lines of the record without its header.
record_lines() { [ ! -f "$record" ] || sed 1d "$record"; }

write_record() {
  if [ -z "$1" ]; then
    rm -f "$record"
    return
  fi
  { printf '%s\n%s\n' "$RECORD_HEADER" "$1" >"$record.new" && flush "$record.new" && mv -f "$record.new" "$record"; } ||
    fail "$record cannot be written" 'Is there room? XDG_DATA_HOME says where it lies.'
  flush "$data"
}

# Prints the lines about other files than $1.
lines_without() {
  record_lines | while IFS=' ' read -r l_sum l_version l_build l_profile l_time l_path; do
    [ "$l_path" = "$1" ] || printf '%s\n' "$l_sum $l_version $l_build $l_profile $l_time $l_path"
  done
}

# Finds the line of the record about the file $1 with the checksum $2 (or `any`); sets r_sum, r_version, r_build.
find_line() {
  found=''
  while IFS=' ' read -r l_sum l_version l_build l_profile l_time l_path; do
    if [ "$l_path" = "$1" ] && { [ "$2" = any ] || [ "$2" = "$l_sum" ]; }; then
      found=yes r_sum=$l_sum r_version=$l_version r_build=$l_build
    fi
  done <<END
$(record_lines)
END
  [ -n "$found" ]
}

# Where the profile was installed before; nothing when nowhere, or in several folders.
installed_folder() {
  folders=$(record_lines | while IFS=' ' read -r l_sum l_version l_build l_profile l_time l_path; do
    [ "$l_profile" != "$1" ] || printf '%s\n' "${l_path%/*}"
  done | sort -u)
  case $folders in
    *'
'*) ;;
    *) printf '%s\n' "$folders" ;;
  esac
}

# Forces a file or folder to the disk. Older tools know only the disk as a whole.
flush() { sync "$1" 2>/dev/null || sync; }

# --- The source ------------------------------------------------------------------------------------------------------

choose_source() {
  if [ -z "$from" ]; then
    { [ -f "$0" ] && from=$(dirname -- "$0") && [ -f "$from/SHA256SUMS" ]; } ||
      fail 'there is no release beside this script' 'Say where it is: --from FOLDER or --from URL.' 2
  fi
  case $from in
    https://*)
      check_address "${from#https://}"
      choose_downloader
      ;;
    http://*)
      check_address "${from#http://}"
      check_loopback "${from#http://}"
      unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
      choose_downloader
      ;;
    *://*) fail_usage "$from is neither a folder nor an https address" ;;
    *)
      folder=$(cd -- "$from" 2>/dev/null && pwd) || fail "there is no folder $from" '' 2
      from=$folder
      ;;
  esac
  from=${from%/}
}

check_address() {
  case $1 in
    '' | /* | *[!]A-Za-z0-9._~:/%+[-]*) fail_usage "$from is not an address of the form https://HOST/PATH" ;;
  esac
}

# Without TLS only what does not leave the machine.
check_loopback() {
  case ${1%%/*} in
    localhost | localhost:* | 127.0.0.1 | 127.0.0.1:* | '[::1]' | '[::1]:'*) ;;
    *) fail "$from is not encrypted" 'Use https.' 2 ;;
  esac
}

choose_downloader() {
  if has curl; then
    downloader=curl
  elif has wget && wget --version 2>/dev/null | grep -q '^GNU Wget'; then
    downloader=gnu_wget
  elif has wget; then
    # It asks no server who it is.
    downloader=plain_wget
    case $from in
      https:*) fail 'this wget does not verify certificates' 'Install curl, or download by hand and use --from FOLDER.' ;;
    esac
  else
    fail 'there is nothing to download with' 'Install curl, or download by hand and use --from FOLDER.'
  fi
}

# Brings the file $1 of the source $3 to $2; fails when it is not there.
fetch() {
  case $3 in
    https://* | http://*) "download_with_$downloader" "$3/$1" "$2" ;;
    *) [ -f "$3/$1" ] && cp -- "$3/$1" "$2" ;;
  esac
}

# Neither a user's settings for other downloads nor a redirect may lead to where certificates are not verified.
download_with_curl() {
  curl -q -gfsSL --proto "=${1%%:*}" --connect-timeout 30 --speed-limit 1000 --speed-time 60 -o "$2" -- "$1"
}

download_with_gnu_wget() {
  wget -q --check-certificate --max-redirect=0 --timeout=60 --tries=2 -O "$2" -- "$1"
}

# Some crash when they are given a time limit.
download_with_plain_wget() { wget -q -O "$2" "$1"; }

# Brings the checksums and the list of programs to the folder for unfinished work.
fetch_lists() {
  if [ -n "$version" ] && fetch SHA256SUMS "$work/SHA256SUMS" "$from/$version" 2>/dev/null; then
    from=$from/$version
  else
    fetch SHA256SUMS "$work/SHA256SUMS" "$from" || fail "SHA256SUMS cannot be had from $from"
  fi
  fetch_verified RELEASE
}

# Brings the file $1, and has its checksum verified before anything is made of it.
fetch_verified() {
  wanted=$(expected_sum "$work" "$1")
  rm -f -- "$work/$1"
  fetch "$1" "$work/$1" "$from" || fail "$1 cannot be had from $from" "${2-}"
  got=$(sha256 "$work/$1")
  [ "$got" = "$wanted" ] || fail "$1 of $from has the checksum $got, and should have $wanted" \
    'It was cut short or changed on its way. Nothing was installed; get it again.'
}

# Finds the program in the list: lines of PLATFORM PROFILE VERSION BUILD SIZE FILE. Sets listed_version, build, size
# and file.
find_program() {
  offered='' file=''
  read -r header <"$work/RELEASE" || header=''
  [ "$header" = 'hakiri-release 1' ] || fail "$from is a release that this install.sh cannot read" \
    'Take the install.sh that lies there.'
  while IFS=' ' read -r l_platform l_profile l_version l_build l_size l_file; do
    [ "$l_profile" = "$profile" ] || continue
    offered="$offered $l_platform"
    [ "$l_platform" = "$platform" ] || continue
    listed_version=$l_version build=$l_build size=$l_size file=$l_file
  done <<END
$(sed 1d "$work/RELEASE")
END
  [ -n "$file" ] || fail "$from has no program of the profile $profile for $platform" \
    "It has programs of that profile for:${offered:- no platform}."
  case $file in .* | -* | *[!A-Za-z0-9._-]*) fail "$from lists a program with the name $file" ;; esac
  is_version "$listed_version" || fail "$from lists a program of the version $listed_version"
  [ -z "$version" ] || [ "$version" = "$listed_version" ] ||
    fail "$from has version $listed_version, and not $version"
}

# --- Installing ------------------------------------------------------------------------------------------------------

install_hakiri() {
  profile=${profile:-full}
  find_platform
  [ "$(id -u)" != 0 ] || warn 'you are root: this installs for root. It needs no root; for yourself, run it as yourself.'
  choose_source
  make_folders
  fetch_lists
  find_program
  name=hakiri
  [ "$profile" = full ] || name=hakiri-$profile
  target=$to/$name
  program_sum=$(expected_sum "$work" "$file")
  look_at_target
  judge_version
  bring_program
  fetch_verified install.sh
  place "$work/$file" "$target" "$program_sum" "$profile"
  say "$done_what $target ($listed_version, build $(short "$build"))"
  [ "$kind" = new ] || say 'what runs goes on as it was started: start a daemon anew for the new version'
  keep_script
  say "recorded in $record, and kept $script"
  tell_path
  say "to undo: sh $(quoted "$script") --uninstall --profile $profile"
}

make_folders() {
  { (umask 077 && mkdir -p -- "$data") 2>/dev/null && [ -w "$data" ]; } || fail "$data cannot be written" \
    'XDG_DATA_HOME says where the record of what is installed lies.'
  one_at_a_time
  check_record
  [ -n "$to" ] || to=$(installed_folder "$profile")
  [ -n "$to" ] || [ -n "$home" ] || fail 'there is no home: HOME is not set' 'Say where to: --to FOLDER.'
  to=${to:-${home%/}/.local/bin}
  [ -d "$to" ] || made_to=yes
  mkdir -p -- "$to" 2>/dev/null || fail "there is no folder $to, and it cannot be made" 'Say where to: --to FOLDER.'
  to=$(cd -- "$to" && pwd) || fail "$to cannot be entered"
  remove_leftovers
  work=$to/.hakiri-install.$$
  mkdir -m 700 -- "$work" 2>/dev/null || fail "$to cannot be written" 'Say where to: --to FOLDER. No root is needed.'
}

# The lock goes with this process. Where there is no flock, two installations at once may each take the other's file
# for a foreign one; what lies there is whole even so.
one_at_a_time() {
  has flock || return 0
  exec 9<"$data"
  flock -n 9 && return
  say 'another installation is under way: waiting for it'
  flock 9
}

# What installations that were killed left.
remove_leftovers() {
  for folder in "$to"/.hakiri-install.*; do
    { [ -d "$folder" ] && [ ! -h "$folder" ]; } || continue
    process=${folder##*.}
    if [ "$process" = $$ ] || ! { [ -d "/proc/$process" ] || kill -0 "$process" 2>/dev/null; }; then
      rm -rf -- "$folder"
    fi
  done
}

# Sets kind: new, ours, damaged or foreign. Of what is on record also r_sum, r_version and r_build.
look_at_target() {
  kind=foreign
  if ! exists "$target"; then
    kind=new
  elif [ -h "$target" ]; then
    what="is a link"
  elif [ ! -f "$target" ]; then
    fail "$target is there, and no file" 'Remove it, or say where to: --to FOLDER.'
  elif find_line "$target" "$(sha256 "$target")"; then
    kind=ours
  elif find_line "$target" any && is_program "$target"; then
    kind=damaged
  else
    what="is not what this script installed"
  fi
  [ "$kind" != foreign ] || [ -n "$force" ] || fail "$target is there already, and $what" \
    'Remove it, install elsewhere with --to FOLDER, or replace it with --force.'
}

# Whether the file $1 begins as a Linux program does, or is empty, as a lost write leaves it. A script put in its place
# does not.
is_program() {
  [ -s "$1" ] || return 0
  [ "$(dd if="$1" bs=1 skip=1 count=3 2>/dev/null)" = ELF ]
}

judge_version() {
  done_what=installed
  case $kind in
    new) return ;;
    foreign)
      done_what=replaced
      return
      ;;
  esac
  if is_older "$listed_version" "$r_version"; then
    [ -n "$allow_downgrade" ] || fail \
      "$from has version $listed_version, which is older than $r_version in $target" \
      "An older program refuses stores that the newer one has opened. If it has to be: --allow-downgrade."
    done_what=downgraded
  elif [ "$kind" = damaged ]; then
    warn "$target is damaged: it is not what was installed"
    done_what=repaired
  elif [ "$r_sum" = "$program_sum" ]; then
    say "$target is $r_version already, and whole: nothing to do"
    [ -x "$target" ] || chmod 755 -- "$target"
    is_kept || {
      fetch_verified install.sh
      keep_script
      say "kept $script"
    }
    tell_path
    exit 0
  elif is_older "$r_version" "$listed_version"; then
    done_what="upgraded from $r_version:"
  else
    done_what="replaced build $(short "$r_build"):"
  fi
}

short() { printf '%.16s\n' "$1"; }

# Brings the program, verified and flushed, to the folder for unfinished work.
bring_program() {
  free_kb=$(df -Pk -- "$to" 2>/dev/null | sed -n '$s/.* \([0-9][0-9]*\)  *[0-9]*% .*/\1/p')
  case $free_kb/$size in
    /* | *[!0-9/]* | */) room=enough ;;
    *) room=$((free_kb * 1024 - size)) ;;
  esac
  case $room in
    -*) fail "there is no room in $to: $((size / 1000000 + 1)) MB are needed, $((free_kb / 1000)) MB are free" ;;
  esac
  fetch_verified "$file" 'Is there room?'
  { chmod 755 "$work/$file" && flush "$work/$file"; } || fail "$file cannot be written to $to"
  say "the checksum is right: $program_sum"
  try_program "$work/$file"
}

# Verified, it may run; that also unpacks it, so that the first use starts at once.
try_program() {
  code=0
  told=$("$1" --version </dev/null 2>"$work/said") || code=$?
  said=$(sed -n 1p "$work/said")
  if [ "$code" -eq 126 ]; then
    warn "it cannot be run from $to (a file system mounted noexec?): ${said##*: }"
  elif [ "$code" -ne 0 ] && [ "$kind" = ours ] && [ -z "$force" ]; then
    fail "it does not start here, so that $r_version stays: $said" 'If it has to be: --force.'
  elif [ "$code" -ne 0 ]; then
    warn "it does not start here: $said"
  else
    case $told in
      "hakiri $listed_version, profile $profile, $platform"*) ;;
      *) fail "$file of $from is not the program that RELEASE lists" ;;
    esac
  fi
}

# Gives the verified file $1 the name $2, at once and on record; $3 is its checksum, $4 its profile.
place() {
  line="$3 $listed_version $build $4 $(date -u +%Y-%m-%dT%H:%M:%SZ) $2"
  write_record "$(record_lines && printf '%s\n' "$line")"
  # A link to a folder would be followed.
  [ ! -h "$2" ] || rm -f -- "$2"
  mv -f -- "$1" "$2" || fail "$2 cannot be written"
  flush "${2%/*}"
  write_record "$(lines_without "$2" && printf '%s\n' "$line")"
}

# What came through a pipe could not be uninstalled without it.
keep_script() {
  { (umask 077 && cp -- "$work/install.sh" "$script.new") && flush "$script.new"; } || fail "$script cannot be written"
  place "$script.new" "$script" "$(expected_sum "$work" install.sh)" script
}

# An installation that was killed may have come no further than the program.
is_kept() { [ -f "$script" ] && find_line "$script" "$(sha256 "$script")"; }

tell_path() {
  case :${PATH-}: in
    *":$to:"*)
      first=$(command -v "${target##*/}" || :)
      [ "$first" = "$target" ] || [ -z "$first" ] || warn "$first comes before it in PATH"
      ;;
    *)
      say "$to is not in PATH. Add this line to the profile of your shell:"
      say "  export PATH=$(quoted "$to"):\"\$PATH\""
      ;;
  esac
}

# As a shell reads it back.
quoted() {
  case $1 in
    *[!A-Za-z0-9/._-]*) printf "'%s'\n" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# --- Uninstalling ----------------------------------------------------------------------------------------------------

uninstall() {
  if [ ! -f "$record" ]; then
    say "nothing is installed: there is no $record"
    exit 0
  fi
  [ -w "$data" ] || fail "$data cannot be written"
  one_at_a_time
  check_record
  sha256 "$record" >/dev/null
  remove_recorded "${profile:-core full}"
  if record_lines | grep -q '^[^ ]* [^ ]* [^ ]* \(core\|full\) '; then
    remove_caches "$profile"
  else
    remove_recorded script
    remove_caches 'core full'
    rm -f -- "$record.new" "$script.new"
    rmdir -- "$data" 2>/dev/null || :
  fi
  say 'what you made with it stays: the .hakiri folders of your projects, with their stores, audit logs and keys'
}

# Removes files of the profiles $1 that are as they were installed, and takes all of them off the record.
remove_recorded() {
  while IFS=' ' read -r u_profile u_path; do
    [ -n "$u_path" ] || continue
    case " $1 " in *" $u_profile "*) ;; *) continue ;; esac
    remove_file "$u_path"
    write_record "$(lines_without "$u_path")"
  done <<END
$(record_lines | cut -d ' ' -f 4,6- | sort -u)
END
}

remove_file() {
  if ! exists "$1"; then
    say "gone already: $1"
  elif [ -f "$1" ] && [ ! -h "$1" ] && find_line "$1" "$(sha256 "$1")"; then
    rm -f -- "$1" || fail "$1 cannot be removed"
    say "removed $1"
  else
    warn "$1 was changed since it was installed, and stays"
  fi
}

# Removes what programs of the profiles $1 unpacked.
remove_caches() {
  temporary=$(absolute_or "${TMPDIR-}" /tmp)
  cache=$(absolute_or "${XDG_CACHE_HOME-}" "${home%/}/.cache")
  remove_cache "${cache%/}/hakiri" "$1"
  remove_cache "${temporary%/}/hakiri-$(id -u)" "$1"
}

remove_cache() {
  { [ -d "$1" ] && [ ! -h "$1" ] && is_mine "$1"; } || return 0
  # Nobody unpacks meanwhile.
  if has flock && [ -f "$1/.lock" ]; then
    exec 8<"$1/.lock"
    flock 8
  fi
  for folder in "$1"/*; do
    build=${folder##*-}
    case $build in
      *[!0-9a-f]*) continue ;;
      ????????????????) ;;
      *) continue ;;
    esac
    of=${folder##*/} of=${of%-*}
    case " $2 " in *" $of "*) remove_version "$1" "$folder" ;; esac
  done
  [ "$2" = 'core full' ] || return 0
  rm -rf -- "$1/.old" "$1/.unfinished" "$1/.lock"
  if rmdir -- "$1" 2>/dev/null; then say "removed $1"; fi
}

# Those who run a version hold a lock on it. Without flock nobody can tell whether it runs.
remove_version() {
  { has flock && (flock -n 7 && rm -rf -- "$1/.old" && mv -- "$2" "$1/.old") 7<>"$2/in-use"; } || {
    warn "$2 stays: it may still run (a daemon?). Once it has stopped: rm -r $(quoted "$2")"
    return 0
  }
  rm -rf -- "$1/.old"
  say "removed $2"
}

# Whether the folder $1 belongs to who runs this.
is_mine() {
  # shellcheck disable=SC2012
  [ "$(ls -ldn -- "$1" | sed 's/^[^ ]* *[^ ]* *\([0-9]*\).*/\1/')" = "$(id -u)" ]
}

# ---------------------------------------------------------------------------------------------------------------------

clean_up() {
  [ -z "$work" ] || rm -rf -- "$work"
  [ -z "$made_to" ] || rmdir -- "$to" 2>/dev/null || :
  rmdir -- "${data:-/}" 2>/dev/null || :
}

main() {
  set -eu
  unset IFS CDPATH
  LC_ALL=C
  export LC_ALL
  work='' made_to='' data=''
  read_arguments "$@"
  choose_folders
  trap clean_up EXIT
  trap '' PIPE
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  case $action in
    install) install_hakiri ;;
    uninstall) uninstall ;;
  esac
}

{ main "$@"; exit; }
