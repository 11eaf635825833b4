"""Tests of remedies.sh: what prerequisites.sh tells to install on each system, and what it installs."""

import shutil
import unittest

from machine import AMAZON, ARCH, DEBIAN, FEDORA, MINT, OTHER, ROCKY, RUSTUP, UBUNTU, Machine


class Instructions(Machine):
    """Everything is missing, but unzip."""

    CHROMEDRIVER = "https://storage.googleapis.com/chrome-for-testing-public/"
    UNZIP = "unzip -jo /tmp/chromedriver.zip '*/chromedriver' -d /usr/local/bin"

    def setUp(self):
        super().setUp()
        self.has("unzip")

    def test_debian(self):
        packages = "make python3-venv curl gcc libc6-dev binutils chromium chromium-driver git"
        self.assertEqual([f"sudo apt-get install {packages}", *RUSTUP], self.commands(os_release=DEBIAN))

    def test_ubuntu_whose_chromium_is_a_snap(self):
        for like_ubuntu in (UBUNTU, MINT):
            apt, *rest = self.commands(os_release=like_ubuntu)
            self.assertEqual("sudo apt-get install make python3-venv curl gcc libc6-dev binutils git", apt)
            self.assertEqual(RUSTUP, rest[:2])
            chrome, install_chrome, chromedriver, unzip = rest[2:]
            self.assertIn("google-chrome-stable_current_amd64.deb", chrome)
            self.assertEqual("sudo apt-get install /tmp/chrome.deb", install_chrome)
            self.assertIn(self.CHROMEDRIVER, chromedriver)
            self.assertIn("/linux64/chromedriver-linux64.zip", chromedriver)
            self.assertEqual(f"sudo {self.UNZIP}", unzip)

    def test_there_is_no_command_for_another_processor_if_the_system_has_no_package(self):
        self.lacks("chromium", "chromedriver")
        self.system("Linux", "aarch64")
        self.assertEqual([], self.commands(os_release=UBUNTU))
        self.assertEqual(["sudo apt-get install chromium chromium-driver"], self.commands(os_release=DEBIAN))

    def test_fedora(self):
        packages = "make python3 curl gcc binutils chromium chromedriver git"
        self.assertEqual([f"sudo dnf install {packages}", *RUSTUP], self.commands(os_release=FEDORA))

    def test_amazon_linux_and_those_like_rhel_which_have_no_chromium(self):
        for like_rhel in (AMAZON, ROCKY):
            dnf, *rest = self.commands(os_release=like_rhel)
            self.assertEqual("sudo dnf install make python3 curl gcc binutils git", dnf)
            self.assertEqual(RUSTUP, rest[:2])
            chrome, chromedriver, unzip = rest[2:]
            self.assertRegex(chrome, r"^sudo dnf install https://dl\.google\.com/.*\.rpm$")
            self.assertIn(self.CHROMEDRIVER, chromedriver)
            self.assertEqual(f"sudo {self.UNZIP}", unzip)

    def test_arch_linux_whose_chromium_has_chromedriver(self):
        packages = "make python curl gcc binutils chromium git"
        self.assertEqual([f"sudo pacman -S --needed {packages}", *RUSTUP], self.commands(os_release=ARCH))

    def test_macos(self):
        self.system("Darwin", "arm64")
        self.has("brew")
        *first, chromedriver, unzip = self.commands(os_release="")
        self.assertEqual(
            ["xcode-select --install", "brew install python", *RUSTUP, "brew install curl", "brew install --cask google-chrome"],
            first,
        )
        self.assertIn("/mac-arm64/chromedriver-mac-arm64.zip", chromedriver)
        self.assertEqual(f"sudo {self.UNZIP}", unzip)
        self.system("Darwin", "x86_64")
        self.assertIn("/mac-x64/chromedriver-mac-x64.zip", self.commands(os_release="")[-2])

    def test_macos_without_homebrew(self):
        self.system("Darwin", "arm64")
        self.lacks("python3")
        install, python = self.commands(os_release="")
        self.assertIn("https://raw.githubusercontent.com/Homebrew/install/HEAD/install.sh", install)
        self.assertEqual("brew install python", python)

    def test_another_system_is_told_the_names_of_the_packages(self):
        packages = "make python curl gcc binutils chromium chromedriver git"
        self.assertEqual([f"with the package manager of this system: {packages}", *RUSTUP], self.commands(os_release=OTHER))

    def test_root_needs_no_sudo(self):
        self.user(0)
        self.assertRegex(self.commands(os_release=FEDORA)[0], "^dnf install ")

    def test_unzip_is_installed_where_it_is_needed(self):
        (self.bin / "unzip").unlink()
        self.assertIn(" unzip ", f"{self.commands(os_release=UBUNTU)[0]} ")
        self.assertNotIn("unzip", self.commands(os_release=DEBIAN)[0])


class Apt(Machine):
    """Packages that apt can install without a password."""

    def setUp(self):
        super().setUp()
        self.lacks("strip")
        self.apt("touch $BIN/strip; chmod +x $BIN/strip")

    def apt(self, install):
        self.script("apt-get", f'echo "$(id -u): $*" >>"$LOG"; case "$*" in *install*) {install} ;; esac')

    def called(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def sudo(self, allowed):
        self.script("sudo", f'[ "$1" = -n ] && shift; {"" if allowed else "exit 1;"} exec "$@"')

    def test_root_gets_them_installed(self):
        self.user(0)
        code, said = self.check("run")
        self.assertEqual(0, code, said)
        self.assertIn("Installing binutils ...", said)
        self.assertEqual(["0: -qq update", "0: -qq install --no-install-recommends --yes binutils"], self.called())

    def test_so_does_a_user_whose_sudo_needs_no_password(self):
        self.sudo(allowed=True)
        self.assertEqual(0, self.check("run", UBUNTU)[0])
        self.assertEqual(2, len(self.called()))

    def test_a_user_who_needs_a_password_is_told_the_command(self):
        for _ in ("without sudo", "with sudo"):
            self.assertEqual(["sudo apt-get install binutils"], self.commands("run"))
            self.sudo(allowed=False)
        self.assertEqual([], self.called())

    def test_they_are_installed_without_python_as_well(self):
        self.user(0)
        (self.bin / "python3").unlink()
        self.python()
        (self.bin / "python3").rename(self.folder / "python3")
        self.apt(f"touch $BIN/strip; chmod +x $BIN/strip; {shutil.which('mv')} {self.folder}/python3 $BIN")
        self.assertEqual(0, self.check("run")[0])
        self.assertIn("python3-venv", self.called()[1])

    def test_what_apt_cannot_install_is_told_afterwards(self):
        self.user(0)
        (self.bin / "cargo").unlink()
        (self.bin / "rustup").unlink()
        self.assertEqual(RUSTUP, self.commands("run"))
        self.assertEqual(2, len(self.called()))

    def test_a_failed_installation_is_told_with_the_command(self):
        self.user(0)
        self.apt("echo 'E: no network' >&2; exit 100")
        code, said = self.check("run")
        self.assertEqual(1, code)
        self.assertIn("E: no network", said)
        self.assertIn("  apt-get install binutils\n", said)

    def test_the_report_installs_nothing(self):
        self.user(0)
        self.assertEqual(1, self.check("prerequisites")[0])
        self.assertEqual([], self.called())

    def test_other_systems_that_have_apt_get_are_not_touched(self):
        self.user(0)
        self.assertEqual(1, self.check("run", FEDORA)[0])
        self.assertEqual([], self.called())


if __name__ == "__main__":
    unittest.main()
