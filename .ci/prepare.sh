# What ./run and ./test share: system packages and the virtual environment.
# Sourced by POSIX sh from the root of the checkout; sets PYTHON_OF_VENV. Sentences: Vietnamese, then English.
# shellcheck shell=sh

VENV=.venv
PYTHON_OF_VENV=$VENV/bin/python

say() { printf '%s\n%s\n' "$1" "$2" >&2; }
refuse() { say "$1" "$2"; exit 1; }

# Prints the names of the Debian packages that what we need at run time still lacks.
# A library is looked for by its file name, so another way of having installed it counts as well.
missing_for_running() {
    libraries=$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null || true)
    for pair in \
        libpango-1.0.so.0:libpango-1.0-0 \
        libpangoft2-1.0.so.0:libpangoft2-1.0-0 \
        libharfbuzz.so.0:libharfbuzz0b \
        libharfbuzz-subset.so.0:libharfbuzz-subset0 \
        libfontconfig.so.1:libfontconfig1 \
        libmagic.so.1:libmagic1
    do
        case "$libraries" in
            *"${pair%%:*} "*) ;;
            *) echo "${pair#*:}" ;;
        esac
    done
    [ -e /etc/fonts/fonts.conf ] || echo fontconfig
    # pip trusts what the machine trusts, and a bare machine trusts nobody.
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
    # Asking every Python of a machine takes longer than starting; one that already serves us is enough.
    "$PYTHON_OF_VENV" -c '' 2>/dev/null || find_python >/dev/null || { echo python3; echo python3-venv; }
}

# Prints the Python to build the environment with: 3.11 to 3.13, able to make one. PYTHON=… chooses.
find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c \
            'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
        then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# may_become_root: whether commands can be run as root; sets as_root to what stands before them.
may_become_root() {
    as_root=
    [ "$(id -u)" -ne 0 ] || return 0
    as_root=sudo
    # Without a terminal nobody could type the password.
    command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }
}

# install_packages NAME…: as root or with sudo; else says exactly what to type and ends.
install_packages() {
    [ $# -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        refuse "Thiếu các gói (tên của Debian): $*. Hãy cài chúng bằng công cụ của hệ điều hành này." \
            "Packages are missing (Debian's names): $*. Install them with this system's own tools."
    fi
    if ! may_become_root; then
        refuse "Cần cài các gói hệ thống. Hãy nhờ người quản trị chạy lệnh ở dưới, rồi thử lại." \
            "System packages are needed. Have an administrator run this, then try again:
    apt-get update && apt-get install -y --no-install-recommends $*"
    fi
    say "Đang cài gói hệ thống: $*" "Installing system packages: $*"
    if ! { $as_root apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >/dev/null; }
    then
        refuse "Không cài được các gói hệ thống (xem thông báo ở trên): $*" \
            "The system packages could not be installed (see above): $*"
    fi
}

# prepare_venv LOCKFILE: the virtual environment holds what LOCKFILE pins; quick when nothing changed.
prepare_venv() {
    stamp=$VENV/$1.sha256
    wanted=$(sha256sum <"$1")
    if [ -x "$PYTHON_OF_VENV" ] && [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] &&
        "$PYTHON_OF_VENV" -c '' 2>/dev/null
    then
        return 0
    fi
    if ! python=$(find_python); then
        refuse "Cần Python 3.11, 3.12 hoặc 3.13 có venv (gói python3 và python3-venv trên Debian 12)." \
            "Python 3.11, 3.12 or 3.13 with venv is needed (packages python3 and python3-venv on Debian 12)."
    fi
    if ! [ -w . ]; then
        refuse "Không ghi được vào $(pwd): thư mục chỉ đọc hoặc của người khác. Hãy sao chép mã nguồn vào thư mục của bạn." \
            "Cannot write to $(pwd): it is read-only or somebody else's. Copy the source to a folder of your own."
    fi
    # Two first starts at once must not install into the same folder; the second waits and finds it done.
    (
        flock 9
        if ! "$PYTHON_OF_VENV" -c 'import pip' 2>/dev/null; then
            say "Đang tạo môi trường Python trong $VENV" "Making the Python environment in $VENV"
            "$python" -m venv --clear "$VENV" || exit 1
        fi
        [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0
        say "Đang cài thư viện Python đã khóa phiên bản ($1), lần đầu mất vài phút…" \
            "Installing the locked Python libraries ($1), a few minutes the first time…"
        rm -f "$stamp"
        "$PYTHON_OF_VENV" -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
            --require-hashes --requirement "$1" || exit 1
        # The stamp is the last thing written: an interrupted installation is done again.
        echo "$wanted" >"$stamp"
    ) 9>.venv.lock || refuse "Không cài được thư viện Python (xem thông báo ở trên)." \
        "The Python libraries could not be installed (see above)."
}
