package report

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// Environment says what a run was made with, as a Markdown list: the machine,
// Go, the server and the versions of modules, as this program was built with
// them.
func Environment(server string, modules []string) string {
	lines := []string{
		fmt.Sprintf("machine: %s, %d logical CPUs, %s/%s", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH),
		"Go: " + runtime.Version(),
		"server: Redis " + server + ", one process a node, on the same machine",
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	for _, module := range modules {
		lines = append(lines, module+": "+version(info, module))
	}
	return "- " + strings.Join(lines, "\n- ") + "\n"
}

// version is the version of a module according to a program's build
// information.
func version(info *debug.BuildInfo, module string) string {
	for _, dep := range info.Deps {
		if dep.Path == module {
			return moduleVersion(dep)
		}
	}
	return "unknown"
}

// moduleVersion distinguishes a module that was replaced by a folder from a release.
func moduleVersion(module *debug.Module) string {
	if module.Replace == nil {
		return module.Version
	}
	if strings.HasPrefix(module.Replace.Path, ".") {
		return "this source tree"
	}
	return module.Replace.Path + " " + module.Replace.Version
}

// processor is the processor's name where the system shows it.
func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer func() { _ = file.Close() }()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		if name, ok := strings.CutPrefix(scanner.Text(), "model name"); ok {
			return strings.TrimLeft(name, "\t :")
		}
	}
	return "unknown processor"
}
