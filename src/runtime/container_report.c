/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words for what init reports as two numbers. */
#include "runtime/container.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/container_step.h"
#include "runtime/hook.h"
#include "runtime/spec.h"

static const char *const step_words[STEP_COUNT] = {
	[STEP_NONE] = "start",
	[STEP_SYNC] = "talk to the engine",
	[STEP_CGROUP] = "enter the container's cgroup",
	[STEP_JOIN] = "join the container's namespaces",
	[STEP_BECOME_ROOT] = "become root of the user namespace",
	[STEP_HOSTNAME] = "set the host name",
	[STEP_PROPAGATION] = "make the mounts private",
	[STEP_ROOT] = "attach the root file system",
	[STEP_CGROUP_NAMESPACE] = "make the cgroup namespace",
	[STEP_DEVICE] = "make the standard nodes of /dev",
	[STEP_TERMINAL] = "open a terminal",
	[STEP_PIVOT] = "change to the root file system",
	[STEP_NETWORK] = "bring up the loopback link",
	[STEP_KEYRING] = "make a session keyring",
	[STEP_STDIO] = "set the standard streams",
	[STEP_CAPABILITIES] = "set the capabilities",
	[STEP_GROUPS] = "set the groups",
	[STEP_USER] = "set the user",
	[STEP_SECCOMP] = "load the seccomp filter",
	[STEP_LISTENER] = "hand the descriptor of the seccomp filter to its listener",
	[STEP_ROOT_PROPAGATION] = "set the propagation of the root",
	[STEP_LABEL] = "set the security label",
	[STEP_PERSONALITY] = "set the personality",
	[STEP_SCHEDULER] = "set the scheduler",
	[STEP_IO_PRIORITY] = "set the io priority",
	[STEP_MEMORY_POLICY] = "set the memory policy",
	[STEP_UNMOUNT] = "unmount",
	[STEP_BIRTH] = "make a process in the container",
};

static int explain_exec(const struct spec *spec, int code, struct err *err)
{
	const char *command = spec->process.args[0];

	if (code == ENOENT && !strchr(command, '/'))
		err_set(err, code, "exec: \"%s\": executable file not found in $PATH", command);
	else if (code == ENOENT)
		err_set(err, code, "exec: \"%s\": no such file or directory", command);
	else if (code == EACCES)
		err_set(err, code, "exec: \"%s\": permission denied", command);
	else if (code == ENOEXEC)
		err_set(err, code, "exec: \"%s\": exec format error", command);
	else
		err_sys(err, code, "exec: \"%s\"", command);
	if (code == ENOENT && strchr(command, '/'))
		err_hint(err,
			 "if it exists, its interpreter or loader may be missing in the image");
	if (code == EPERM)
		err_hint(
			err,
			"the file wants capabilities that this container lacks (getcap shows them): "
			"add them with --cap-add");
	if (code == ENOEXEC)
		err_hint(err, "it may be built for another architecture, or lack its #! line");
	return err_exit(err, code == ENOENT || code == ENOTDIR ? 127 : 126);
}

static int explain_mount(const struct spec_mount *mount, int code, struct err *err)
{
	(void)err_sys(err, code, "mount at %s", mount->destination);
	if (code == EINVAL && mount->kind != SPEC_MOUNT_BIND && mount->data && *mount->data)
		return err_hint(err, "type %s takes not all of its options: %s",
				mount->type ? mount->type : "(none)", mount->data);
	return -code;
}

int container_explain(const struct spec *spec, const struct container_report *report,
		      struct err *err)
{
	uint32_t step = report->step & 0xff, i = report->step >> 8;
	int code = report->code;

	if (step == STEP_EXEC)
		return explain_exec(spec, code, err);
	if (step == STEP_CWD) {
		err_sys(err, code, "change to working folder %s", spec->process.cwd);
		return err_exit(err, code == ENOENT ? 127 : 126);
	}
	if (step == STEP_USER_LOOKUP)
		return err_set(err, code,
			       "unable to find user %s: no matching entries in passwd file",
			       spec->process.user);
	if (step == STEP_GROUP_LOOKUP && i <= strv_length(spec->process.group_names))
		return err_set(
			err, code, "unable to find group %s: no matching entries in group file",
			i ? spec->process.group_names[i - 1] : strchr(spec->process.user, ':') + 1);
	if (step == STEP_COPY_UP && i < spec->mount_count)
		return err_sys(err, code, "fill the volume at %s from the image",
			       spec->mounts[i].destination);
	if (step == STEP_MOUNT && i < spec->mount_count)
		return explain_mount(&spec->mounts[i], code, err);
	if (step == STEP_MOUNT_TARGET && i < spec->mount_count)
		return err_sys(err, code, "make mount point %s", spec->mounts[i].destination);
	if (step == STEP_UNMOUNT && i < spec->mount_count)
		return code == EINVAL ?
			       err_set(err, code, "unmount %s: it is no mount point",
				       spec->mounts[i].destination) :
			       err_sys(err, code, "unmount %s", spec->mounts[i].destination);
	if (step == STEP_REAL_PROC && i < spec->mount_count)
		return err_set(err, code,
			       "mount at %s: refused, it would hide parts of /proc or lies behind "
			       "a symlink",
			       spec->mounts[i].destination);
	if (step == STEP_HOOK_CREATE && i < spec->hooks[SPEC_HOOK_CREATE_CONTAINER].count)
		return hook_explain(&spec->hooks[SPEC_HOOK_CREATE_CONTAINER], "createContainer", i,
				    code, err);
	if (step == STEP_HOOK_START && i < spec->hooks[SPEC_HOOK_START_CONTAINER].count)
		return hook_explain(&spec->hooks[SPEC_HOOK_START_CONTAINER], "startContainer", i,
				    code, err);
	if (step == STEP_DEVICE_USER && i < spec->device_count)
		return err_sys(err, code, "attach device %s", spec->devices[i].path);
	if (step == STEP_SYSCTL && i < spec->sysctl_count)
		return err_sys(err, code, "set sysctl %s to %s", spec->sysctls[i].name,
			       spec->sysctls[i].value);
	if (step == STEP_MASK && i < strv_length(spec->masked_paths))
		return err_sys(err, code, "mask %s", spec->masked_paths[i]);
	if (step == STEP_READONLY && i < strv_length(spec->readonly_paths))
		return err_sys(err, code, "make %s read-only", spec->readonly_paths[i]);
	if (step == STEP_RLIMIT && i < spec->process.rlimit_count) {
		err_sys(err, code, "set ulimit %d", spec->process.rlimits[i].resource);
		return code == EPERM ? err_hint(err, "a hard limit above the host's needs "
						     "CAP_SYS_RESOURCE on the host") :
				       -code;
	}
	return err_sys(err, code, "%s",
		       step < STEP_COUNT && step_words[step] ? step_words[step] : "start");
}
