import { describe, expect, it } from "vitest";
import { badPlace } from "./shell-words.ts";

/** The parts of a tagged template. */
const parts = ({ raw }: TemplateStringsArray, ..._values: unknown[]) => [...raw];

describe("where a value of a shell's line can be a word of its own", () => {
	it.each([
		[parts`ls ${1} | wc -l`],
		[parts`${1} ${2}`],
		[parts`echo "a" ${1} 'b' ${2} "c"`],
		[parts`echo "$(cat ${1})" ${2}`],
		[parts`echo "$(cat "$(ls ${1})")" "x" ${2}`],
		[parts`echo \" ${1} \' ${2}`],
		[parts`echo "a\"" ${1}`],
		[parts`echo a#b ${1} $# ${2}`],
		[parts`# a comment's "text\n`.map((part) => part.replace("\\n", "\n")).concat("")],
		[
			parts`cat <<EOF > ${1}
$(date) "
EOF
			echo ${2}`,
		],
		[parts`(cd ${1}; ls) && f() { echo ${2}; }`],
		[["echo `date` ", ""]],
		[parts`case x in x) echo ${1};; esac`],
		[
			parts`echo "$((1 << 2))" $((2 << (3)))
			echo ${1} $(((${2}) << 1))`,
		],
		[parts`cat <<< ${1}`],
		[parts`nothing "`],
		[[]],
	])("%j", (line) => {
		expect(badPlace(line)).toBe(null);
	});

	it.each([
		["double quotes", parts`echo "${1}"`],
		["double quotes", parts`echo "a $(b "c") ${1}"`],
		["double quotes", parts`echo "$(echo "${1}")"`],
		["quotes", parts`echo '${1}'`],
		["quotes", parts`echo ${1} "x" 'y ${2}'`],
		["a comment", parts`echo # ${1}`],
		["a comment", parts`#${1}`],
		["backquotes", ["echo `cat ", "`"]],
		["backquotes", ["echo `echo $(cat ", ")`"]],
		[
			"a here-document",
			parts`cat <<EOF
${1}
EOF`,
		],
		[
			"a here-document",
			parts`cat <<-'EOF'; cat << B
a
	EOF
${1}`,
		],
		["the end of a here-document", parts`cat << ${1}`],
	])("%s: %j", (place, line) => {
		expect(badPlace(line)).toBe(place);
	});
});
